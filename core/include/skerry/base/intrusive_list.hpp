#pragma once

// A circular doubly linked list whose links sit inside the elements: O(1) unlink without knowing the
// list, no allocation. A waiting awaiter links itself, and its destructor unlinks it.

#include <cstddef>

namespace skerry {

/// Two pointers inside an element. Not linked while `next` is null.
struct ListLink {
    ListLink* next = nullptr;
    ListLink* prev = nullptr;

    [[nodiscard]] bool is_linked() const noexcept { return next != nullptr; }

    /// Takes the element out of whichever list it is in. It must be in one.
    void unlink() noexcept {
        prev->next = next;
        next->prev = prev;
        next = nullptr;
        prev = nullptr;
    }
};

/// A list of `T`, which derives from ListLink. Owns nothing.
///
/// Lifetime: elements are unlinked before they go away; the list must not move while it has any.
/// Threads:  none of its own; the owner's core or lock guards it.
template <class T>
class IntrusiveList {
public:
    IntrusiveList() noexcept : head_{&head_, &head_} {}
    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;

    [[nodiscard]] bool empty() const noexcept { return head_.next == &head_; }

    /// The oldest element. The list must not be empty.
    [[nodiscard]] T& front() noexcept { return static_cast<T&>(*head_.next); }

    /// The newest element. The list must not be empty.
    [[nodiscard]] T& back() noexcept { return static_cast<T&>(*head_.prev); }

    void push_back(T& element) noexcept { insert_before(head_, element); }
    void push_front(T& element) noexcept { insert_before(*head_.next, element); }

    /// Takes the oldest element, or null when there is none.
    T* pop_front() noexcept {
        if (empty()) return nullptr;
        T& element = front();
        element.unlink();
        return &element;
    }

    /// Moves every element of `other` behind those here, keeping their order.
    void splice_back(IntrusiveList& other) noexcept {
        if (other.empty()) return;
        ListLink* first = other.head_.next;
        ListLink* last = other.head_.prev;
        other.head_.next = &other.head_;
        other.head_.prev = &other.head_;
        first->prev = head_.prev;
        head_.prev->next = first;
        last->next = &head_;
        head_.prev = last;
    }

    /// The element behind `element`, or null at the end.
    [[nodiscard]] T* next_of(T& element) noexcept {
        return element.next == &head_ ? nullptr : static_cast<T*>(element.next);
    }

private:
    static void insert_before(ListLink& place, ListLink& link) noexcept {
        link.prev = place.prev;
        link.next = &place;
        place.prev->next = &link;
        place.prev = &link;
    }

    ListLink head_;
};

}  // namespace skerry
