// SPDX-License-Identifier: MIT
#include "command.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <unordered_map>

#include <fmt/format.h>

#include "server.hpp"

namespace redis {

namespace {

char lower_char(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

using Commands = std::unordered_map<std::string_view, const Command*>;

Commands commands_by_name() {
    Commands commands;
    for (const Command* command : all_commands()) {
        commands.emplace(command->name, command);
    }
    return commands;
}

/// Null if there is none.
const Command* find_by_name(std::string_view name) {
    static const Commands commands = commands_by_name();
    std::array<char, 32> key;
    if (name.size() > key.size()) {
        return nullptr;
    }
    std::transform(name.begin(), name.end(), key.begin(), lower_char);
    const auto found = commands.find(std::string_view(key.data(), name.size()));
    return found == commands.end() ? nullptr : found->second;
}

/// Takes a class such as [^a-z] off the front of `pattern`; true if `c` is in it.
bool take_class(std::string_view& pattern, char c) {
    pattern.remove_prefix(1);
    const bool negated = pattern.starts_with('^');
    pattern.remove_prefix(negated ? 1 : 0);
    bool found = false;
    while (!pattern.empty() && pattern[0] != ']') {
        if (pattern[0] == '\\' && pattern.size() >= 2) {
            found = found || pattern[1] == c;
            pattern.remove_prefix(2);
        } else if (pattern.size() >= 3 && pattern[1] == '-') {
            const auto [low, high] = std::minmax(pattern[0], pattern[2]);
            found = found || (low <= c && c <= high);
            pattern.remove_prefix(3);
        } else {
            found = found || pattern[0] == c;
            pattern.remove_prefix(1);
        }
    }
    pattern.remove_prefix(pattern.empty() ? 0 : 1);
    return found != negated;
}

/// Takes what stands for one character off the front of `pattern`; true if that may be `c`.
bool take_one(std::string_view& pattern, char c) {
    if (pattern[0] == '[') {
        return take_class(pattern, c);
    }
    if (pattern[0] == '\\' && pattern.size() >= 2) {
        pattern.remove_prefix(1);
    } else if (pattern[0] == '?') {
        c = '?';
    }
    const bool same = pattern[0] == c;
    pattern.remove_prefix(1);
    return same;
}

}  // namespace

std::int64_t Call::integer(std::size_t i) const { return to_integer(args[i]); }

double Call::real(std::size_t i) const { return to_real(args[i]); }

bool Call::is(std::size_t i, std::string_view word) const {
    return std::equal(args[i].begin(), args[i].end(), word.begin(), word.end(),
                      [](char ours, char theirs) { return lower_char(ours) == theirs; });
}

void Call::log(Args request) {
    server.store.add(request);
    logged = true;
}

std::vector<const Command*> all_commands() {
    std::vector<const Command*> commands;
    for (const auto& table :
         {string_commands, list_commands, hash_commands, set_commands, sorted_set_commands,
          key_commands, expiry_commands, pubsub_commands, transaction_commands, admin_commands}) {
        for (const Command& command : table) {
            commands.push_back(&command);
        }
    }
    return commands;
}

const Command* find_command(Args request) {
    const Command* command = find_by_name(request[0]);
    if (command == nullptr || (command->flags & flag::container) == 0 || request.size() == 1) {
        return command;
    }
    const Command* part = find_by_name(fmt::format("{}|{}", command->name, request[1]));
    return part == nullptr ? command : part;
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower_char);
    return result;
}

std::int64_t to_integer(std::string_view text, const char* complaint) {
    const auto value = integer_of(text);
    if (!value) {
        throw Refusal(complaint);
    }
    return *value;
}

double to_real(std::string_view text, const char* complaint) {
    const std::string copy(text);
    char* end = nullptr;
    const double value = std::strtod(copy.c_str(), &end);
    if (text.empty() || std::isspace(static_cast<unsigned char>(text[0])) != 0 ||
        end != copy.c_str() + copy.size() || std::isnan(value)) {
        throw Refusal(complaint);
    }
    return value;
}

std::string add_reals(std::string_view number, std::string_view increment, const char* complaint) {
    static_cast<void>(to_real(number, complaint));
    static_cast<void>(to_real(increment));
    const long double sum = std::strtold(std::string(number).c_str(), nullptr) +
                            std::strtold(std::string(increment).c_str(), nullptr);
    if (!std::isfinite(sum)) {
        throw Refusal("ERR increment would produce NaN or Infinity");
    }
    std::array<char, 5120> digits;
    const int size = std::snprintf(digits.data(), digits.size(), "%.17Lf", sum);
    std::string text(digits.data(), static_cast<std::size_t>(size));
    text.erase(text.find_last_not_of('0') + 1);
    text.erase(text.find_last_not_of('.') + 1);
    return text == "-0" ? "0" : text;
}

void refuse_syntax() { throw Refusal("ERR syntax error"); }

bool matches(std::string_view pattern, std::string_view text) {
    std::string_view after_star;  // what to try again one character later, if there was a star
    std::string_view text_there;
    bool star = false;
    while (!text.empty() || !pattern.empty()) {
        if (pattern.starts_with('*')) {
            pattern.remove_prefix(1);
            after_star = pattern;
            text_there = text;
            star = true;
        } else if (!pattern.empty() && !text.empty() && take_one(pattern, text[0])) {
            text.remove_prefix(1);
        } else if (star && !text_there.empty()) {
            text_there.remove_prefix(1);
            text = text_there;
            pattern = after_star;
        } else {
            return false;
        }
    }
    return true;
}

Moment expiry_of(const Call& call, std::size_t i, std::int64_t unit, Moment base) {
    std::int64_t when = call.integer(i);
    if (__builtin_mul_overflow(when, unit, &when) || __builtin_add_overflow(when, base, &when)) {
        throw Refusal("ERR invalid expire time in '" + lower(call[0]) + "' command");
    }
    return when;
}

std::uint64_t random_number() {
    static std::mt19937_64 generator(std::random_device{}());
    return generator();
}

}  // namespace redis
