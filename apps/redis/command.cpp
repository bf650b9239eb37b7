// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdlib>

#include <fnmatch.h>

#include <fmt/format.h>

#include "server.hpp"

namespace redis {

namespace {

char small(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// For a table that does not tell upper case from lower.
struct AnyCase {
    std::size_t operator()(std::string_view name) const noexcept {
        std::size_t hash = 0;
        for (const char c : name) {
            hash = hash * 31 + static_cast<unsigned char>(small(c));
        }
        return hash;
    }

    bool operator()(std::string_view one, std::string_view other) const noexcept {
        return std::equal(one.begin(), one.end(), other.begin(), other.end(),
                          [](char a, char b) { return small(a) == small(b); });
    }
};

}  // namespace

const Command* find_command(std::string_view name) {
    static const auto commands = [] {
        std::unordered_map<std::string_view, const Command*, AnyCase, AnyCase> by_name;
        for (const Commands& table :
             {string_commands, list_commands, hash_commands, set_commands, sorted_set_commands,
              key_commands, pubsub_commands, transaction_commands, admin_commands}) {
            for (const Command& command : table) {
                by_name.emplace(command.name, &command);
            }
        }
        return by_name;
    }();
    const auto found = commands.find(name);
    return found == commands.end() ? nullptr : found->second;
}

std::int64_t Call::integer(std::size_t i) const { return to_integer(words[i]); }

bool Call::is(std::size_t i, std::string_view word) const { return AnyCase()(words[i], word); }

std::pair<std::size_t, std::size_t> Call::places(std::size_t size) const {
    const auto count = static_cast<std::int64_t>(size);
    const auto counted = [&](std::int64_t at) { return at < 0 ? at + count : at; };
    const std::int64_t first = std::clamp<std::int64_t>(counted(integer(2)), 0, count);
    const std::int64_t end = std::min(counted(integer(3)), count - 1) + 1;
    return {first, std::max(first, end)};
}

std::size_t Call::count(std::size_t size) const {
    const std::int64_t wanted = words.size() > 2 ? integer_of(words[2]).value_or(-1) : 1;
    if (words.size() > 3) {
        refuse_syntax();
    }
    if (wanted < 0) {
        throw Refusal("ERR value is out of range, must be positive");
    }
    return std::min(static_cast<std::size_t>(wanted), size);
}

void Call::log(const Words& request) {
    server.store.add(request);
    logged = true;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), small);
    return result;
}

std::int64_t to_integer(std::string_view text, const char* complaint) {
    if (const auto value = integer_of(text)) {
        return *value;
    }
    throw Refusal(complaint);
}

double to_real(const std::string& text, const char* complaint) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || std::isspace(static_cast<unsigned char>(text[0])) != 0 ||
        end != text.c_str() + text.size() || std::isnan(value)) {
        throw Refusal(complaint);
    }
    return value;
}

std::int64_t add(std::int64_t value, std::int64_t increment) {
    if (__builtin_add_overflow(value, increment, &value)) {
        throw Refusal("ERR increment or decrement would overflow");
    }
    return value;
}

void refuse_syntax() { throw Refusal("ERR syntax error"); }

void refuse_arity(const Call& call) {
    throw Refusal(fmt::format("ERR wrong number of arguments for '{}' command", lower(call[0])));
}

bool matches(const std::string& pattern, const std::string& text) {
    return fnmatch(pattern.c_str(), text.c_str(), 0) == 0;
}

Moment expiry_of(const Call& call, std::size_t i, bool seconds, bool from_now) {
    std::int64_t when = call.integer(i);
    if (__builtin_mul_overflow(when, seconds ? 1000 : 1, &when) ||
        __builtin_add_overflow(when, from_now ? call.keys.now() : 0, &when)) {
        throw Refusal("ERR invalid expire time in '" + lower(call[0]) + "' command");
    }
    return when;
}

}  // namespace redis
