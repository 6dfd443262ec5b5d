// The explorer's own test, first part: textbook algorithms, each right and broken. The right ones must hold in
// every schedule; in the broken ones the fault must be found, and be named for what it is. explorer_model.cpp has
// the explorer's services and the counting of schedules.

#include "model_suite.hpp"

#include <skerry/base/compiler.hpp>

#include <array>

namespace {

namespace model = skerry::model;
using skerry::atomic;

constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto acq_rel = std::memory_order_acq_rel;
constexpr auto relaxed = std::memory_order_relaxed;

// Mutual exclusion with loads and stores only.

struct Peterson {
    bool wants_first = true;  // the fault: a thread that gives way before it says that it wants to enter
    std::array<atomic<bool>, 2> wants{};
    atomic<int> turn{0};
    model::var<int> inside{0};

    void enter(unsigned self) {
        model::name(&inside, "inside");
        if (wants_first) wants[self].store(true);
        turn.store(static_cast<int>(1 - self));
        if (!wants_first) wants[self].store(true);
        while (wants[1 - self].load() && turn.load() == static_cast<int>(1 - self)) {
        }
        inside = inside + 1;
        MODEL_ASSERT(inside == 1);
        inside = inside - 1;
        wants[self].store(false);
    }
};

struct Dekker {
    bool back_off = true;  // the fault: nobody gives way, both wait for ever
    std::array<atomic<bool>, 2> wants{};
    atomic<unsigned> turn{0};
    model::var<int> count{0};

    void enter(unsigned self) {
        wants[self].store(true);
        while (wants[1 - self].load()) {
            if (!back_off || turn.load() == self) continue;
            wants[self].store(false);
            while (turn.load() != self) {
            }
            wants[self].store(true);
        }
        count = count + 1;
        turn.store(1 - self);
        wants[self].store(false);
    }
};

template <class Lock>
void run_two(Lock& lock) {
    model::thread([&] { lock.enter(0); });
    model::thread([&] { lock.enter(1); });
    model::join_all();
}

void check_mutual_exclusion(model::Suite& suite) {
    suite.expect_pass("Peterson lets one in", {.preemptions_max = 3}, [] {
        Peterson lock;
        run_two(lock);
    });
    suite.expect_failure("Peterson the wrong way round", {}, "data race on inside", [] {
        Peterson lock{.wants_first = false};
        run_two(lock);
    });
    suite.expect_pass("Dekker lets one in", {.preemptions_max = 3}, [] {
        Dekker lock;
        run_two(lock);
        MODEL_ASSERT(lock.count == 2);
    });
    suite.expect_failure("Dekker without giving way", {}, "deadlock", [] {
        Dekker lock{.back_off = false};
        run_two(lock);
    });
}

// Passing data with a flag: what only the clocks can see, since the value always arrives.

template <std::memory_order Store, std::memory_order Load>
void pass_message() {
    struct State {
        model::var<int> data{0};
        atomic<bool> flag{false};
    } s;
    model::name(&s.data, "data");
    model::name(&s.flag, "flag");
    model::thread([&] {
        s.data = 42;
        s.flag.store(true, Store);
    });
    model::thread([&] {
        while (!s.flag.load(Load)) {
        }
        MODEL_ASSERT(s.data == 42);
    });
    model::join_all();
}

template <std::memory_order Middle>
void pass_through_a_third() {
    struct State {
        model::var<int> data{0};
        atomic<int> word{0};
    } s;
    model::thread([&] {
        s.data = 42;
        s.word.store(1, release);
    });
    model::thread([&] {
        int expected = 1;
        s.word.compare_exchange_strong(expected, 2, Middle);
    });
    model::thread([&] {
        if (s.word.load(acquire) == 2) MODEL_ASSERT(s.data == 42);
    });
    model::join_all();
}

/// The reader says that it has read, the writer writes again: the order must hold this way round too.
template <std::memory_order Signal>
void reuse_a_buffer() {
    model::var<int> data{0};
    atomic<bool> read{false};
    model::thread([&] {
        MODEL_ASSERT(data == 0);
        read.store(true, Signal);
    });
    model::thread([&] {
        if (read.load(acquire)) data = 1;
    });
    model::join_all();
}

void check_happens_before(model::Suite& suite) {
    suite.expect_pass("a message behind release and acquire", {}, [] { pass_message<release, acquire>(); });
    suite.expect_failure("a message behind a relaxed store", {}, "data race on data",
                         [] { pass_message<relaxed, acquire>(); });
    suite.expect_failure("a message behind a relaxed load", {}, "data race on data",
                         [] { pass_message<release, relaxed>(); });
    suite.expect_pass("a relaxed RMW goes on with the release sequence", {}, [] { pass_through_a_third<relaxed>(); });
    suite.expect_failure("a relaxed store ends the release sequence", {}, "data race", [] {
        model::var<int> data{0};
        atomic<int> word{0};
        model::thread([&] {
            data = 42;
            word.store(1, release);
            word.store(2, relaxed);
        });
        model::thread([&] {
            if (word.load(acquire) == 2) MODEL_ASSERT(data == 42);
        });
        model::join_all();
    });
    suite.expect_pass("a buffer written again behind an acquire", {}, [] { reuse_a_buffer<release>(); });
    suite.expect_failure("a buffer written again behind a relaxed signal", {}, "does not happen after the read",
                         [] { reuse_a_buffer<relaxed>(); });
    suite.expect_failure("a write by the parent after the start of the child", {}, "data race", [] {
        model::var<int> data{0};
        model::thread([&] { static_cast<void>(data.read()); });
        data = 1;
        model::join_all();
    });
    suite.expect_failure("an object behind a relaxed pointer", {}, "construction", [] {
        atomic<atomic<int>*> pointer{nullptr};
        model::thread([&] { pointer.store(model::create<atomic<int>>(7), relaxed); });
        model::thread([&] {
            if (atomic<int>* object = pointer.load(acquire)) object->load();
        });
        model::join_all();
        model::destroy(pointer.load());
    });
}

// Treiber's stack. Without a tag, a pop that was overtaken by two pops and a push takes the head for unchanged.

template <bool Tagged>
class Treiber {
public:
    struct Node {
        unsigned next = 0;
        model::var<int> owner{0};
    };

    void push(unsigned index) {
        std::uint64_t head = head_.load(relaxed);
        do {
            nodes[index].next = static_cast<unsigned>(head & 0xff);
        } while (!head_.compare_exchange_weak(head, make(index, head), release, relaxed));
    }

    unsigned pop() {
        std::uint64_t head = head_.load(acquire);
        while ((head & 0xff) != 0) {
            const unsigned index = head & 0xff;
            if (head_.compare_exchange_weak(head, make(nodes[index].next, head), acq_rel, acquire)) return index;
        }
        return 0;
    }

    std::array<Node, 4> nodes;  // index 0 is the end of the list

private:
    static std::uint64_t make(unsigned index, std::uint64_t old_head) {
        return index | (Tagged ? (old_head & ~std::uint64_t{0xff}) + 0x100 : 0);
    }

    atomic<std::uint64_t> head_{0};
};

template <bool Tagged>
void run_treiber() {
    Treiber<Tagged> stack;
    std::array<int, 4> taken{};
    stack.push(2);
    stack.push(1);
    model::thread([&] { ++taken[stack.pop()]; });
    model::thread([&] {
        const unsigned first = stack.pop();
        ++taken[stack.pop()];
        if (first != 0) stack.push(first);
    });
    model::join_all();
    while (const unsigned index = stack.pop()) ++taken[index];
    MODEL_ASSERT(taken[1] == 1 && taken[2] == 1, "each node comes out once");
}

/// A stack that frees what it pops while another pop may still read it.
void run_treiber_that_frees() {
    struct Node {
        atomic<Node*> next{nullptr};
    };
    atomic<Node*> head{nullptr};
    for (int i = 0; i < 2; ++i) {
        Node* node = model::create<Node>();
        node->next.store(head.load());
        head.store(node);
    }
    const auto pop = [&] {
        Node* node = head.load();
        while (node != nullptr && !head.compare_exchange_weak(node, node->next.load())) {
        }
        if (node != nullptr) model::destroy(node);
    };
    model::thread(pop);
    model::thread(pop);
    model::join_all();
}

void check_stacks(model::Suite& suite) {
    suite.expect_pass("Treiber with a tag", {.spurious_failure = true}, [] { run_treiber<true>(); });
    suite.expect_failure("Treiber without a tag (ABA)", {}, "each node comes out once", [] { run_treiber<false>(); });
    suite.expect_failure("Treiber that frees at once", {}, "free by thread", [] { run_treiber_that_frees(); });
}

// Sleeping: the waker must see the sleeper or the sleeper the work.

template <bool LookAgain>
void sleep_until_work() {
    struct State {
        atomic<int> work{0};
        atomic<bool> asleep{false};
        model::Event bell;
    } s;
    model::name(&s.bell, "bell");
    model::thread([&] {
        while (s.work.load() == 0) {
            s.asleep.store(true);
            if (!LookAgain || s.work.load() == 0) s.bell.wait();
            s.asleep.store(false);
        }
    });
    model::thread([&] {
        s.work.store(1);
        if (s.asleep.load()) s.bell.set();
    });
    model::join_all();
}

void check_waiting(model::Suite& suite) {
    suite.expect_pass("a sleeper that looks again", {.preemptions_max = 3}, [] { sleep_until_work<true>(); });
    suite.expect_failure("a sleeper that does not look again", {}, "deadlock: thread 0 joins; thread 1 waits",
                         [] { sleep_until_work<false>(); });
    suite.expect_pass("locks in one order", {}, [] {
        std::array<atomic<bool>, 2> locks{};
        const auto both = [&](unsigned first, unsigned second) {
            while (locks[first].exchange(true)) model::yield();
            while (locks[second].exchange(true)) model::yield();
            locks[first].store(false);
            locks[second].store(false);
        };
        model::thread([&] { both(0, 1); });
        model::thread([&] { both(0, 1); });
        model::join_all();
    });
    suite.expect_failure("locks in two orders", {}, "deadlock", [] {
        std::array<atomic<bool>, 2> locks{};
        const auto both = [&](unsigned first, unsigned second) {
            while (locks[first].exchange(true)) {
            }
            while (locks[second].exchange(true)) {
            }
            locks[first].store(false);
            locks[second].store(false);
        };
        model::thread([&] { both(0, 1); });
        model::thread([&] { both(1, 0); });
        model::join_all();
    });
    suite.expect_failure("two that join each other", {}, "deadlock: thread 0 joins; thread 1 joins", [] {
        atomic<int> x{0};
        model::thread([] { model::join(0); });
        model::thread([&] { x.store(1); });  // it is the last to end, and finds the others waiting
        model::join_all();
    });
    suite.expect_failure("a loop that never ends", {.steps_max = 200}, "cut after", [] {
        atomic<int> a{0};
        model::thread([&] {
            while (a.fetch_add(1) != -1) {
            }
        });
        model::join_all();
    });
    suite.expect_pass("a bounded loop that looks like spinning", {}, [] {
        atomic<int> a{0};
        int seen = 0;
        model::thread([&] {
            for (int i = 0; i < 20; ++i) seen += a.load();
        });
        model::join_all();
        MODEL_ASSERT(seen == 0);
    });
}

// Memory: reference counts, leaks, double frees.

template <std::memory_order Drop>
void count_references() {
    struct Object {
        atomic<int> count{2};
        model::var<int> data{0};
    };
    auto* object = model::create<Object>();
    const auto drop = [object] {
        static_cast<void>(object->data.read());
        if (object->count.fetch_sub(1, Drop) == 1) model::destroy(object);
    };
    model::thread(drop);
    model::thread(drop);
    model::join_all();
}

void check_memory(model::Suite& suite) {
    suite.expect_pass("a count dropped with acq_rel", {}, [] { count_references<acq_rel>(); });
    suite.expect_failure("a count dropped with release only", {}, "data race", [] { count_references<release>(); });
    suite.expect_failure("a free behind a relaxed count", {}, "free by thread", [] {
        auto* count = model::create<atomic<int>>(2);
        const auto drop = [count] {
            if (count->fetch_sub(1, relaxed) == 1) model::destroy(count);
        };
        model::thread(drop);
        model::thread(drop);
        model::join_all();
    });
    suite.expect_failure("a count that is loaded and stored", {}, "was not freed", [] {
        auto* count = model::create<atomic<int>>(2);
        const auto drop = [count] {
            const int left = count->load() - 1;
            count->store(left);
            if (left == 0) model::destroy(count);
        };
        model::thread(drop);
        model::thread(drop);
        model::join_all();
    });
    suite.expect_failure("an object that is used after it was freed", {}, "use after free: block 0 + 0", [] {
        atomic<bool> freed{false};
        auto* object = model::create<atomic<int>>(1);
        model::thread([&] {
            model::destroy(object);
            freed.store(true, release);
        });
        model::thread([&] {
            if (freed.load(acquire)) object->load();
        });
        model::join_all();
    });
    suite.expect_failure("a leaked object", {}, "1 Tracked", [] {
        atomic<model::Tracked*> slot{nullptr};
        model::thread([&] { delete slot.exchange(new model::Tracked); });
        model::thread([&] { delete slot.exchange(nullptr); });
        model::join_all();
    });
    suite.expect_failure("a block freed twice", {}, "freed twice", [] {
        void* block = model::allocate(8);
        model::free(block);
        model::free(block);
    });
#if !SKERRY_ASAN  // AddressSanitizer stops the program at such a write
    suite.expect_failure("a plain write to freed memory", {}, "written to after", [] {
        auto* block = static_cast<volatile char*>(model::allocate(8));
        model::free(const_cast<char*>(block));
        block[3] = 1;
    });
#endif
}

}  // namespace

int main() {
    model::Suite suite;
    check_mutual_exclusion(suite);
    check_happens_before(suite);
    check_stacks(suite);
    check_waiting(suite);
    check_memory(suite);
    return suite.exit_code();
}
