// SPDX-License-Identifier: MIT
#include <string>

#include <doctest/doctest.h>

#include <coloop/intrusive_list.hpp>

using namespace coloop;

namespace {

struct Letter : ListLink {
    explicit Letter(char letter) : value(letter) {}

    char value;
};

std::string text(const IntrusiveList<Letter>& list) {
    std::string text;
    list.for_each([&](const Letter& letter) { text += letter.value; });
    return text;
}

}  // namespace

TEST_SUITE("IntrusiveList") {
    TEST_CASE("a new list is empty and a new element in none") {
        const IntrusiveList<Letter> list;
        const Letter a('a');
        CHECK(list.empty());
        CHECK_FALSE(a.is_linked());
        CHECK(text(list).empty());
    }

    TEST_CASE("push_back appends and push_front prepends") {
        IntrusiveList<Letter> list;
        Letter a('a');
        Letter b('b');
        Letter c('c');
        list.push_back(b);
        list.push_back(c);
        list.push_front(a);
        CHECK(text(list) == "abc");
        CHECK(&list.front() == &a);
        CHECK_FALSE(list.empty());
        CHECK(b.is_linked());
    }

    TEST_CASE("pop_front takes elements out in order") {
        IntrusiveList<Letter> list;
        Letter a('a');
        Letter b('b');
        list.push_back(a);
        list.push_back(b);
        CHECK(&list.pop_front() == &a);
        CHECK_FALSE(a.is_linked());
        CHECK(&list.pop_front() == &b);
        CHECK(list.empty());
    }

    TEST_CASE("an element leaves from the front, the middle and the end") {
        IntrusiveList<Letter> list;
        Letter a('a');
        Letter b('b');
        Letter c('c');
        Letter d('d');
        for (Letter* letter : {&a, &b, &c, &d}) {
            list.push_back(*letter);
        }
        b.unlink();
        CHECK(text(list) == "acd");
        d.unlink();
        CHECK(text(list) == "ac");
        a.unlink();
        CHECK(text(list) == "c");
        c.unlink();
        CHECK(list.empty());
        CHECK_FALSE(c.is_linked());
    }

    TEST_CASE("an element that has left can be in another list") {
        IntrusiveList<Letter> first;
        IntrusiveList<Letter> second;
        Letter a('a');
        first.push_back(a);
        a.unlink();
        second.push_back(a);
        CHECK(first.empty());
        CHECK(text(second) == "a");
    }

    TEST_CASE("take_all appends all of the other list, in order, and leaves that empty") {
        IntrusiveList<Letter> first;
        IntrusiveList<Letter> second;
        Letter a('a');
        Letter b('b');
        Letter c('c');
        Letter d('d');
        first.push_back(a);
        first.push_back(b);
        second.push_back(c);
        second.push_back(d);
        first.take_all(second);
        CHECK(text(first) == "abcd");
        CHECK(second.empty());
        second.take_all(first);
        CHECK(text(second) == "abcd");
        second.take_all(first);
        CHECK(text(second) == "abcd");
        d.unlink();
        first.push_back(d);
        CHECK(text(second) == "abc");
        CHECK(text(first) == "d");
    }

    TEST_CASE("for_each lets the visitor unlink the element it is given") {
        IntrusiveList<Letter> list;
        Letter a('a');
        Letter b('b');
        Letter c('c');
        for (Letter* letter : {&a, &b, &c}) {
            list.push_back(*letter);
        }
        list.for_each([](Letter& letter) {
            if (letter.value != 'b') {
                letter.unlink();
            }
        });
        CHECK(text(list) == "b");
    }
}
