#pragma once

namespace skerry::runtime {

/// What current_thread runtimes make of the thread that built them, the program's own, they take back: the CPU that it
/// is bound to and how exactly its sleeps end are as they were when the last of the thread's runtimes has ended.
///
/// Threads: where it ends on another than it began nothing is taken back.
class BorrowedThread {
public:
    BorrowedThread() noexcept;
    BorrowedThread(const BorrowedThread&) = delete;
    BorrowedThread& operator=(const BorrowedThread&) = delete;
    ~BorrowedThread();

private:
    struct Found;
    static thread_local Found found;

    const Found* found_;  // the thread's that it began on
};

}  // namespace skerry::runtime
