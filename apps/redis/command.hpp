// SPDX-License-Identifier: MIT
//
// What a command is, and what it gets.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "keyspace.hpp"
#include "resp.hpp"

namespace redis {

class Server;
class Session;

struct Call {
    Server& server;
    Session& session;
    Keyspace& keys;
    const Words& words;  // the command's name first
    Reply& reply;
    std::size_t begin = reply.text.size();  // where what it replies begins
    bool logged = false;

    [[nodiscard]] std::size_t size() const { return words.size(); }

    [[nodiscard]] const std::string& operator[](std::size_t i) const { return words[i]; }

    /// The arguments from `first` on.
    [[nodiscard]] std::span<const std::string> from(std::size_t first) const {
        return std::span(words).subspan(first);
    }

    /// An argument as a number; throws Refusal if it is none.
    [[nodiscard]] std::int64_t integer(std::size_t i) const;

    /// Whether an argument is this word, which is in lower case.
    [[nodiscard]] bool is(std::size_t i, std::string_view word) const;

    /// Arguments 2 and 3 as places in something of that size, counted from its end if negative;
    /// returns the first and the one after the last.
    [[nodiscard]] std::pair<std::size_t, std::size_t> places(std::size_t size) const;

    /// How many LPOP and its like shall take: argument 2, or one; at most as many as there are.
    [[nodiscard]] std::size_t count(std::size_t size) const;

    // What the key in argument 1 stands for: see Keyspace.
    template <typename T>
    [[nodiscard]] const T& read() const {
        return keys.read<T>(words[1]);
    }

    template <typename T>
    [[nodiscard]] T& edit() const {
        return keys.edit<T>(words[1]);
    }

    /// To be called after so many changes to it.
    void changed(std::size_t count = 1) const {
        if (count > 0) {
            keys.changed(words[1]);
        }
    }

    /// HDEL, SREM and ZREM: takes what the arguments name out of it.
    template <typename T>
    void erase_members() {
        T& value = edit<T>();
        std::size_t erased = 0;
        for (const std::string& member : from(2)) {
            erased += value.erase(member);
        }
        changed(erased);
        reply.integer(erased);
    }

    /// Has this written to the log in place of the command: what it came to, which does not depend
    /// on when it is done again.
    void log(const Words& request);
};

namespace flag {
constexpr unsigned write = 1;       // may change keys
constexpr unsigned immediate = 2;   // is not queued by MULTI
constexpr unsigned subscriber = 4;  // a RESP2 client that has subscribed may use it
constexpr unsigned alone = 8;       // not in a transaction
}  // namespace flag

struct Command {
    std::string_view name;
    int arity;  // with the name; at least so many if negative
    unsigned flags;
    void (*run)(Call& call);
};

using Commands = std::span<const Command>;
extern const Commands string_commands, list_commands, hash_commands, set_commands,
    sorted_set_commands, key_commands, pubsub_commands, transaction_commands, admin_commands;

/// Null if there is none of that name, in whatever case.
[[nodiscard]] const Command* find_command(std::string_view name);

[[nodiscard]] std::string lower(std::string_view text);

/// Numbers in values; throw Refusal, with this text, if they are none.
[[nodiscard]] std::int64_t to_integer(
    std::string_view text, const char* complaint = "ERR value is not an integer or out of range");
[[nodiscard]] double to_real(const std::string& text,
                             const char* complaint = "ERR value is not a valid float");

/// Adds as INCR does, to an integer as text.
[[nodiscard]] std::int64_t add(std::int64_t value, std::int64_t increment);

[[noreturn]] void refuse_syntax();
[[noreturn]] void refuse_arity(const Call& call);

/// True if `text` matches the glob-style `pattern`, as file names do in a shell.
[[nodiscard]] bool matches(const std::string& pattern, const std::string& text);

/// When something expires that lives so long, or until then: argument `i`, in seconds or
/// milliseconds, from now or from 1970. Throws Refusal.
[[nodiscard]] Moment expiry_of(const Call& call, std::size_t i, bool seconds, bool from_now);

}  // namespace redis
