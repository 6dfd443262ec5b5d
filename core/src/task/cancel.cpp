#include <skerry/task/cancel.hpp>

#include <mutex>

namespace skerry {

namespace task {

namespace {

// Puts the elements of the ring at `head` before `place`, which is in another ring; `head` is then alone.
void move_ring_before(ListLink& place, ListLink& head) noexcept {
    if (head.next == &head) return;
    head.next->prev = place.prev;
    place.prev->next = head.next;
    head.prev->next = &place;
    place.prev = head.prev;
    head.next = &head;
    head.prev = &head;
}

void link_before(ListLink& place, ListLink& link) noexcept {
    link.prev = place.prev;
    link.next = &place;
    place.prev->next = &link;
    place.prev = &link;
}

// Under the lock of the tree.
void mark(CancelNode& node, PendingPosts& posts) noexcept {
    // Release: pairs with the acquire of is_cancelled().
    node.cancelled.store(true, std::memory_order_release);
    while (node.waiters.queue_one(posts)) {
    }
}

void drop_node(CancelTree& tree) noexcept {
    if (tree.nodes.fetch_sub(1, std::memory_order_acq_rel) == 1) delete &tree;
}

}  // namespace

bool CancelledAwaiter::await_suspend(std::coroutine_handle<> awaiting) noexcept {
    Scheduler& scheduler = *current_scheduler;
    scheduler.bind(*this, awaiting);
    {
        const std::lock_guard guard(node_->tree->lock);
        if (!node_->cancelled.load(std::memory_order_relaxed)) {
            node_->waiters.add(*this);
            return true;
        }
    }
    if (scheduler.budget() > 0) return false;
    scheduler.enqueue(*this);  // out of budget: others run first
    return true;
}

void CancelledAwaiter::leave() noexcept {
    const std::lock_guard guard(node_->tree->lock);
    if (!node_->waiters.remove(*this)) discard_wake(*this);
}

}  // namespace task

CancellationToken::CancellationToken() : node_(new task::CancelNode(*new task::CancelTree)) {}

CancellationToken CancellationToken::child_token() const {
    task::CancelTree& tree = *node_->tree;
    auto* const child = new task::CancelNode(tree);
    tree.nodes.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard guard(tree.lock);
    if (node_->cancelled.load(std::memory_order_relaxed))
        child->cancelled.store(true, std::memory_order_release);
    else
        task::link_before(node_->children, *child);
    return CancellationToken(*child);
}

void CancellationToken::cancel() const noexcept {
    task::PendingPosts posts;
    const std::lock_guard guard(node_->tree->lock);
    if (node_->cancelled.load(std::memory_order_relaxed)) return;
    if (node_->is_linked()) node_->unlink();
    ListLink left{&left, &left};
    task::link_before(left, *node_);
    while (left.next != &left) {
        auto& node = static_cast<task::CancelNode&>(*left.next);
        node.unlink();
        task::move_ring_before(left, node.children);
        task::mark(node, posts);
    }
}

void CancellationToken::drop() noexcept {
    // Acquire and release: what other handles did with the node is over before it is freed.
    if (node_->handles.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    task::CancelTree& tree = *node_->tree;
    {
        const std::lock_guard guard(tree.lock);
        if (node_->is_linked()) {
            task::move_ring_before(*node_, node_->children);
            node_->unlink();
        } else {
            node_->children.unlink();  // a ring without a head, which nobody walks: only its members leave it
        }
    }
    delete node_;
    task::drop_node(tree);
}

}  // namespace skerry
