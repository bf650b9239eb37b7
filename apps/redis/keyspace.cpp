// SPDX-License-Identifier: MIT
#include "keyspace.hpp"

#include <chrono>
#include <variant>

#include <coloop/cancel_scope.hpp>
#include <coloop/clock.hpp>
#include <coloop/sleep.hpp>

namespace redis {

namespace {

bool is_empty(const Value& value) {
    return std::visit(
        [](const auto& held) {
            if constexpr (std::is_same_v<std::decay_t<decltype(held)>, String>) {
                return false;
            } else {
                return held->empty();
            }
        },
        value);
}

}  // namespace

Moment now() { return coloop::wall_clock().now() / 1'000'000; }

void Keyspace::keep_for_snapshot(Node& node) {
    if (snapshot_ && needs_saving(node)) {
        listeners_.before_change(node);
    }
}

void Keyspace::note_change(std::string_view key) {
    ++changes_;
    listeners_.after_change(key);
}

Keyspace::Node* Keyspace::add(std::string_view key, Value value) {
    Node* node = table_->insert(key).first;
    node->value.value = std::move(value);
    node->value.epoch = epoch_;
    return node;
}

Keyspace::Node& Keyspace::put(std::string_view key, Value value, Moment expires) {
    Node* node = table_->find(key);
    if (node == nullptr) {
        node = add(key, std::move(value));
    } else {
        keep_for_snapshot(*node);
        node->value.value = std::move(value);
    }
    note_expiry(*node, expires);
    note_change(key);
    return *node;
}

bool Keyspace::erase(std::string_view key) {
    Node* node = find(key);
    if (node == nullptr) {
        return false;
    }
    static_cast<void>(take(*node));
    return true;
}

Value Keyspace::take(Node& node) {
    keep_for_snapshot(node);
    note_expiry(node, never);
    Value value = std::move(node.value.value);
    const std::string key = node.key;
    table_->erase(key);
    note_change(key);
    return value;
}

void Keyspace::note_expiry(Node& node, Moment when) {
    if (node.value.expires == when) {
        return;
    }
    if (node.value.expires != never) {
        expiring_.erase({node.value.expires, &node});
    }
    node.value.expires = when;
    if (when != never) {
        expiring_.insert({when, &node});
        first_expiring_.wake_one();
    }
}

void Keyspace::set_expiry(Node& node, Moment when) {
    keep_for_snapshot(node);
    note_expiry(node, when);
    note_change(node.key);
}

void Keyspace::changed(std::string_view key) {
    const Node* node = table_->find(key);
    if (node != nullptr && is_empty(node->value.value)) {
        erase(key);
    } else {
        note_change(key);
    }
}

void Keyspace::clear() {
    table_->each([&](const Node& node) { listeners_.after_change(node.key); });
    ++changes_;
    expiring_.clear();
    table_ = std::make_shared<Table>();
}

bool Keyspace::expire(Node& node) {
    if (!expiry_ || node.value.expires > now()) {
        return false;
    }
    const std::string key = node.key;
    const std::uint64_t changes = changes_;
    static_cast<void>(take(node));
    changes_ = changes;  // this one is logged by itself
    listeners_.on_expired(key);
    return true;
}

void Keyspace::begin_snapshot() {
    ++epoch_;
    snapshot_ = true;
}

void Keyspace::expire_all() {
    constexpr int at_once = 1000;
    for (;;) {
        while (expiring_.empty()) {
            first_expiring_.wait();
        }
        for (int i = 0; !expiring_.empty() && expire(*expiring_.begin()->second); ++i) {
            if (i % at_once == at_once - 1) {
                coloop::checkpoint();
            }
        }
        coloop::co_sleep(std::chrono::milliseconds(100));
    }
}

}  // namespace redis
