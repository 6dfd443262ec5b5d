#include <skerry/base/intrusive_list.hpp>

#include "support/catch.hpp"

#include <array>
#include <type_traits>
#include <vector>

namespace {

using skerry::IntrusiveList;

struct Item : skerry::ListLink {
    explicit Item(int n) : number(n) {}
    int number;
};

/// The numbers in the list, oldest first, which also empties it.
std::vector<int> drain(IntrusiveList<Item>& list) {
    std::vector<int> numbers;
    while (const Item* item = list.pop_front()) numbers.push_back(item->number);
    return numbers;
}

using Numbers = std::vector<int>;

}  // namespace

static_assert(!std::is_copy_constructible_v<IntrusiveList<Item>> && !std::is_move_constructible_v<IntrusiveList<Item>>,
              "the elements point into the list");

TEST_CASE("elements leave in the order in which they came", "[base][intrusive_list]") {
    std::array items{Item(1), Item(2), Item(3)};
    IntrusiveList<Item> list;
    CHECK(list.empty());
    for (Item& item : items) list.push_back(item);
    CHECK_FALSE(list.empty());
    CHECK(list.front().number == 1);
    CHECK(drain(list) == Numbers{1, 2, 3});
    CHECK(list.empty());
    CHECK(list.pop_front() == nullptr);
}

TEST_CASE("push_front puts an element before the oldest", "[base][intrusive_list]") {
    Item first(1);
    Item second(2);
    IntrusiveList<Item> list;
    list.push_front(second);
    list.push_front(first);
    CHECK(drain(list) == Numbers{1, 2});
}

TEST_CASE("an element takes itself out, wherever it stands", "[base][intrusive_list]") {
    for (int gone = 0; gone < 3; ++gone) {
        std::array items{Item(0), Item(1), Item(2)};
        IntrusiveList<Item> list;
        for (Item& item : items) list.push_back(item);
        items[static_cast<std::size_t>(gone)].unlink();
        CHECK_FALSE(items[static_cast<std::size_t>(gone)].is_linked());
        Numbers rest{0, 1, 2};
        rest.erase(rest.begin() + gone);
        CHECK(drain(list) == rest);
    }
}

TEST_CASE("an element is linked while it is in a list, and may come again", "[base][intrusive_list]") {
    Item item(1);
    IntrusiveList<Item> list;
    CHECK_FALSE(item.is_linked());
    list.push_back(item);
    CHECK(item.is_linked());
    item.unlink();
    CHECK_FALSE(item.is_linked());
    CHECK(list.empty());
    list.push_back(item);
    CHECK(list.pop_front() == &item);
    CHECK_FALSE(item.is_linked());
}

TEST_CASE("splice_back moves all of one list behind the other", "[base][intrusive_list]") {
    std::array items{Item(1), Item(2), Item(3), Item(4), Item(5)};
    IntrusiveList<Item> front;
    IntrusiveList<Item> back;
    front.push_back(items[0]);
    front.push_back(items[1]);
    back.push_back(items[2]);
    back.push_back(items[3]);

    front.splice_back(back);
    CHECK(back.empty());
    items[2].unlink();  // it belongs to the front list by now
    front.push_back(items[4]);
    CHECK(drain(front) == Numbers{1, 2, 4, 5});

    back.push_back(items[2]);  // the emptied list works on
    CHECK(drain(back) == Numbers{3});
}

TEST_CASE("splicing with an empty list on either side loses nothing", "[base][intrusive_list]") {
    Item item(1);
    IntrusiveList<Item> some;
    IntrusiveList<Item> none;
    some.push_back(item);
    some.splice_back(none);
    CHECK(some.front().number == 1);
    none.splice_back(some);
    CHECK(some.empty());
    CHECK(drain(none) == Numbers{1});
}

TEST_CASE("next_of walks to the end", "[base][intrusive_list]") {
    Item first(1);
    Item second(2);
    IntrusiveList<Item> list;
    list.push_back(first);
    list.push_back(second);
    CHECK(list.next_of(first) == &second);
    CHECK(list.next_of(second) == nullptr);
    drain(list);
}
