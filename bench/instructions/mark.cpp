// Alone in its file, so that no call of it is left out.

extern "C" void skerry_instructions_mark();

/// Callgrind is told to write a part of its counts and begin a new one whenever this is entered.
extern "C" void skerry_instructions_mark() { asm volatile(""); }
