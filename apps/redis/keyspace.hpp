// SPDX-License-Identifier: MIT
//
// The keys: finding and changing what they stand for, and their time to live.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <coloop/co_queue.hpp>

#include "value.hpp"

namespace redis {

/// An error that a client gets as its reply.
struct Refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

[[nodiscard]] Moment now();

class Keyspace {
public:
    using Table = Dict<Entry>;
    using Node = Table::Node;

    /// What others do about changes.
    struct Listeners {
        std::function<void(const Node&)> before_change;  // while a snapshot is made
        std::function<void(std::string_view)> after_change;
        std::function<void(std::string_view)> on_expired;
    };

    explicit Keyspace(Listeners listeners) : listeners_(std::move(listeners)) {}

    /// Null if there is no such key, or no longer.
    Node* find(std::string_view key) {
        Node* node = table_->find(key);
        return node != nullptr && node->value.expires != never && expire(*node) ? nullptr : node;
    }

    /// What `key` stands for, null if nothing. Throws Refusal if it is of another type.
    template <typename T>
    const T* read(std::string_view key) {
        Node* node = find(key);
        return node == nullptr ? nullptr : &as<T>(*node);
    }

    /// The same, for changing it; call changed() afterwards.
    template <typename T>
    T* edit(std::string_view key) {
        Node* node = find(key);
        if (node == nullptr) {
            return nullptr;
        }
        T& value = as<T>(*node);
        keep_for_snapshot(*node);
        return &value;
    }

    /// The same, made if there is none.
    template <typename T>
    T& make(std::string_view key) {
        T* value = edit<T>(key);
        return value != nullptr ? *value : as<T>(*add(key, make_value<T>()));
    }

    /// Lets `key` stand for `value`, and nothing it was before.
    Node& put(std::string_view key, Value value, Moment expires = never);

    /// False if there is no such key.
    bool erase(std::string_view key);

    /// Takes away a key that find() has found, and returns what it stood for.
    Value take(Node& node);

    /// Sets when a key that find() has found expires.
    void set_expiry(Node& node, Moment when);

    /// To be called when what `key` stands for was edited; takes it away if that is empty now.
    void changed(std::string_view key);

    void clear();

    [[nodiscard]] std::size_t size() const { return table_->size(); }

    [[nodiscard]] std::size_t volatile_size() const { return expiring_.size(); }

    [[nodiscard]] const std::shared_ptr<Table>& table() const { return table_; }

    /// Goes up with each change.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }

    /// From now on, and until end_snapshot(), before_change is called once for each node of the
    /// present table, before it changes, unless needs_saving() has returned true for it already.
    void begin_snapshot();

    void end_snapshot() { snapshot_ = false; }

    bool needs_saving(Node& node) const {
        return std::exchange(node.value.epoch, epoch_) != epoch_;
    }

    /// While false, as when commands are read from a file, no key expires by itself.
    void let_expire(bool on) { expiry_ = on; }

    [[nodiscard]] bool lets_expire() const { return expiry_; }

    /// Takes away what has expired, until cancelled.
    void expire_all();

private:
    template <typename T>
    static T& as(Node& node) {
        T* value = value_as<T>(node.value.value);
        if (value == nullptr) {
            throw Refusal("WRONGTYPE Operation against a key holding the wrong kind of value");
        }
        return *value;
    }

    Node* add(std::string_view key, Value value);
    bool expire(Node& node);
    void note_expiry(Node& node, Moment when);
    void keep_for_snapshot(Node& node);
    void note_change(std::string_view key);

    Listeners listeners_;
    std::shared_ptr<Table> table_ = std::make_shared<Table>();  // a snapshot may keep the old one
    std::set<std::pair<Moment, Node*>> expiring_;
    coloop::CoQueue first_expiring_{"wait for a key that expires"};
    std::uint64_t changes_ = 0;
    std::uint32_t epoch_ = 0;
    bool snapshot_ = false;
    bool expiry_ = true;
};

}  // namespace redis
