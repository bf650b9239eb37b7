// SPDX-License-Identifier: MIT
//
// The hash table under everything. Its nodes stay where they are, and it can be scanned piece by
// piece while it changes, which is what SCAN promises and snapshots need.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "siphash.hpp"

namespace redis {

struct Nothing {};

template <typename T>
class Dict {
public:
    struct Node {
        Node* next;
        std::uint64_t hash;
        std::string key;
        [[no_unique_address]] T value;
    };

    Dict() = default;
    Dict(const Dict&) = delete;
    Dict& operator=(const Dict&) = delete;

    ~Dict() { clear(); }

    [[nodiscard]] std::size_t size() const { return size_; }

    [[nodiscard]] bool empty() const { return size_ == 0; }

    [[nodiscard]] Node* find(std::string_view key) const {
        return size_ == 0 ? nullptr : *place(key, siphash(key));
    }

    /// The node of `key`, and whether it is new.
    std::pair<Node*, bool> insert(std::string_view key) {
        if (size_ >= buckets_.size()) {
            resize(std::max<std::size_t>(4, 2 * buckets_.size()));
        }
        const std::uint64_t hash = siphash(key);
        Node** at = place(key, hash);
        if (*at != nullptr) {
            return {*at, false};
        }
        *at = new Node{nullptr, hash, std::string(key), T()};
        ++size_;
        return {*at, true};
    }

    bool erase(std::string_view key) {
        Node** at = size_ == 0 ? nullptr : place(key, siphash(key));
        if (at == nullptr || *at == nullptr) {
            return false;
        }
        Node* node = *at;
        *at = node->next;
        delete node;
        if (--size_ < buckets_.size() / 8) {
            resize(buckets_.size() / 2);
        }
        return true;
    }

    void clear() {
        each([](Node& node) { delete &node; });
        buckets_.clear();
        size_ = 0;
    }

    template <typename Function>
    void each(Function&& function) const {
        for (Node* node : buckets_) {
            while (node != nullptr) {
                function(*std::exchange(node, node->next));
            }
        }
    }

    /// Calls `function` for some nodes and returns where to go on; 0 at the beginning and at the
    /// end. What is there from the first call to the last is seen, perhaps more than once: the
    /// cursor counts from its highest bit, so that what a bucket has is split or joined, never
    /// skipped, when the table grows or shrinks.
    template <typename Function>
    std::uint64_t scan(std::uint64_t cursor, Function&& function) const {
        if (buckets_.empty()) {
            return 0;
        }
        const std::uint64_t mask = buckets_.size() - 1;
        for (Node* node = buckets_[cursor & mask]; node != nullptr;) {
            function(*std::exchange(node, node->next));
        }
        return reversed(reversed(cursor | ~mask) + 1);
    }

    /// Any node, each about as likely as any other; there must be one.
    [[nodiscard]] Node& any(std::uint64_t random) const {
        std::size_t bucket = random & (buckets_.size() - 1);
        while (buckets_[bucket] == nullptr) {
            random = random * 6364136223846793005U + 1442695040888963407U;
            bucket = (random >> 32U) & (buckets_.size() - 1);
        }
        std::size_t length = 0;
        for (const Node* node = buckets_[bucket]; node != nullptr; node = node->next) {
            ++length;
        }
        Node* node = buckets_[bucket];
        for (std::size_t i = (random >> 16U) % length; i > 0; --i) {
            node = node->next;
        }
        return *node;
    }

private:
    [[nodiscard]] Node** place(std::string_view key, std::uint64_t hash) const {
        auto** at = const_cast<Node**>(&buckets_[hash & (buckets_.size() - 1)]);
        while (*at != nullptr && ((*at)->hash != hash || (*at)->key != key)) {
            at = &(*at)->next;
        }
        return at;
    }

    void resize(std::size_t count) {
        std::vector<Node*> buckets(count);
        each([&](Node& node) {
            node.next = std::exchange(buckets[node.hash & (count - 1)], &node);
        });
        buckets_ = std::move(buckets);
    }

    static std::uint64_t reversed(std::uint64_t bits) {
        for (std::uint64_t width = 32, mask = ~std::uint64_t{0}; width > 0; width /= 2) {
            mask ^= mask << width;
            bits = ((bits >> width) & mask) | ((bits << width) & ~mask);
        }
        return bits;
    }

    std::vector<Node*> buckets_;  // as many as a power of two
    std::size_t size_ = 0;
};

}  // namespace redis
