// SPDX-License-Identifier: MIT
#pragma once

namespace coloop {

/// A place in an IntrusiveList, for types to derive from. Costs no allocation, and leaves its list
/// in constant time without knowing which list that is.
class ListLink {
public:
    ListLink() = default;
    ListLink(const ListLink&) = delete;
    ListLink& operator=(const ListLink&) = delete;

    [[nodiscard]] bool is_linked() const noexcept { return next_ != nullptr; }

    /// Leaves the list; must be in one.
    void unlink() noexcept {
        next_->previous_ = previous_;
        previous_->next_ = next_;
        next_ = nullptr;
    }

private:
    template <typename T>
    friend class IntrusiveList;

    void link_before(ListLink& place) noexcept {
        next_ = &place;
        previous_ = place.previous_;
        previous_->next_ = this;
        place.previous_ = this;
    }

    ListLink* next_ = nullptr;
    ListLink* previous_ = nullptr;
};

/// A doubly linked list of objects that carry their own links and belong to somebody else.
template <typename T>
class IntrusiveList {
public:
    IntrusiveList() noexcept { reset(); }

    IntrusiveList(const IntrusiveList&) = delete;
    IntrusiveList& operator=(const IntrusiveList&) = delete;

    [[nodiscard]] bool empty() const noexcept { return end_.next_ == &end_; }

    /// The first element; the list must not be empty.
    [[nodiscard]] T& front() const noexcept { return *static_cast<T*>(end_.next_); }

    void push_back(T& element) noexcept { element.link_before(end_); }

    void push_front(T& element) noexcept { element.link_before(*end_.next_); }

    /// Takes the first element out; the list must not be empty.
    T& pop_front() noexcept {
        T& element = front();
        element.unlink();
        return element;
    }

    /// Moves all elements of `other` to the end of this list.
    void take_all(IntrusiveList& other) noexcept {
        if (other.empty()) {
            return;
        }
        ListLink* first = other.end_.next_;
        ListLink* last = other.end_.previous_;
        first->previous_ = end_.previous_;
        end_.previous_->next_ = first;
        last->next_ = &end_;
        end_.previous_ = last;
        other.reset();
    }

    /// Calls `visit(element)` for each element in order; `visit` may unlink the one it is given.
    template <typename Visit>
    void for_each(Visit visit) const {
        for (ListLink* link = end_.next_; link != &end_;) {
            ListLink* next = link->next_;
            visit(*static_cast<T*>(link));
            link = next;
        }
    }

private:
    void reset() noexcept { end_.next_ = end_.previous_ = &end_; }

    ListLink end_;
};

}  // namespace coloop
