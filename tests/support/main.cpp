// main() of every test program without one of its own; in a library, so that the linker takes it only then.

#include "support/catch.hpp"

int main(int argc, char** argv) { return skerry::tests::run_all(argc, argv); }
