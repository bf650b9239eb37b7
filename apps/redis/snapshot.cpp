// SPDX-License-Identifier: MIT
#include "snapshot.hpp"

#include <variant>
#include <vector>

#include "resp.hpp"

namespace redis {

namespace {

/// A request with one key and many elements, cut into several.
class Bulk {
public:
    Bulk(std::string& to, std::string_view command, std::string_view key)
        : to_(to), arguments_{command, key} {}

    Bulk(const Bulk&) = delete;
    Bulk& operator=(const Bulk&) = delete;

    ~Bulk() { flush(); }

    void add(std::string_view one) { arguments_.push_back(one); }

    /// May end the request here.
    void end_element() {
        if (arguments_.size() > 128) {
            flush();
        }
    }

private:
    void flush() {
        if (arguments_.size() > 2) {
            append_request(to_, arguments_);
            arguments_.resize(2);
        }
    }

    std::string& to_;
    std::vector<std::string_view> arguments_;
};

struct Appender {
    std::string& to;
    std::string_view key;

    void operator()(const String& value) const {
        const std::string_view request[] = {"SET", key, value};
        append_request(to, request);
    }

    void operator()(const std::unique_ptr<List>& list) const {
        Bulk bulk(to, "RPUSH", key);
        for (const std::string& element : *list) {
            bulk.add(element);
            bulk.end_element();
        }
    }

    void operator()(const std::unique_ptr<Hash>& hash) const {
        Bulk bulk(to, "HSET", key);
        hash->each([&](const Hash::Node& field) {
            bulk.add(field.key);
            bulk.add(field.value);
            bulk.end_element();
        });
    }

    void operator()(const std::unique_ptr<Set>& set) const {
        Bulk bulk(to, "SADD", key);
        set->each([&](const Set::Node& member) {
            bulk.add(member.key);
            bulk.end_element();
        });
    }

    void operator()(const std::unique_ptr<SortedSet>& set) const {
        for (const auto& [score, member] : set->order) {
            const std::string text = text_of(score);
            const std::string_view request[] = {"ZADD", key, text, member};
            append_request(to, request);
        }
    }
};

}  // namespace

void append_node(std::string& to, const Keyspace::Node& node) {
    std::visit(Appender{to, node.key}, node.value.value);
    if (node.value.expires != never) {
        const std::string when = std::to_string(node.value.expires);
        const std::string_view request[] = {"PEXPIREAT", node.key, when};
        append_request(to, request);
    }
}

}  // namespace redis
