// SPDX-License-Identifier: MIT
//
// What a command is, and what it gets.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "keyspace.hpp"
#include "resp.hpp"

namespace redis {

class Server;
class Session;

struct Call {
    Server& server;
    Session& session;
    Keyspace& keys;
    Args args;  // the command's name first
    Reply& reply;
    std::size_t begin = reply.text.size();  // where what it replies begins
    bool logged = false;

    [[nodiscard]] std::size_t size() const { return args.size(); }

    [[nodiscard]] std::string_view operator[](std::size_t i) const { return args[i]; }

    /// Arguments as numbers; throw Refusal if they are none.
    [[nodiscard]] std::int64_t integer(std::size_t i) const;
    [[nodiscard]] double real(std::size_t i) const;

    /// Whether an argument is this word, which is in lower case.
    [[nodiscard]] bool is(std::size_t i, std::string_view word) const;

    /// Has this written to the log in place of the command: what it came to, which does not depend
    /// on when it is done again. May be called several times.
    void log(Args request);

    void log(std::initializer_list<std::string_view> request) {
        log(Args(request.begin(), request.size()));
    }
};

namespace flag {
constexpr unsigned write = 1;       // may change keys
constexpr unsigned immediate = 2;   // is not queued by MULTI
constexpr unsigned subscriber = 4;  // a RESP2 client that has subscribed may use it
constexpr unsigned alone = 8;       // not in a transaction
constexpr unsigned container = 16;  // has subcommands, which are named "client|id"
}  // namespace flag

struct Command {
    std::string_view name;
    int arity;  // with the name; at least so many if negative
    unsigned flags;
    void (*run)(Call& call);
    int first_key = 0;
    int last_key = 0;
    int key_step = 0;
};

extern const std::span<const Command> string_commands;
extern const std::span<const Command> list_commands;
extern const std::span<const Command> hash_commands;
extern const std::span<const Command> set_commands;
extern const std::span<const Command> sorted_set_commands;
extern const std::span<const Command> key_commands;
extern const std::span<const Command> expiry_commands;
extern const std::span<const Command> pubsub_commands;
extern const std::span<const Command> transaction_commands;
extern const std::span<const Command> admin_commands;

/// The command, or subcommand, that a request names, in whatever case. The container itself if it
/// has none of that name; null if there is no such command at all.
[[nodiscard]] const Command* find_command(Args request);

[[nodiscard]] std::vector<const Command*> all_commands();

[[nodiscard]] std::string lower(std::string_view text);

/// Numbers in values; throw Refusal, with this text, if they are none.
[[nodiscard]] std::int64_t to_integer(
    std::string_view text, const char* complaint = "ERR value is not an integer or out of range");
[[nodiscard]] double to_real(std::string_view text,
                             const char* complaint = "ERR value is not a valid float");

/// `number + increment` as INCRBYFLOAT and HINCRBYFLOAT want it, which is in decimal digits.
[[nodiscard]] std::string add_reals(std::string_view number, std::string_view increment,
                                    const char* complaint);

[[noreturn]] void refuse_syntax();

/// True if `text` matches the glob-style `pattern`.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view text);

/// When something expires that shall live so long, or until then: an argument in units of so many
/// milliseconds, which counts from `base`. Throws Refusal.
[[nodiscard]] Moment expiry_of(const Call& call, std::size_t i, std::int64_t unit, Moment base);

/// A pseudo-random number.
[[nodiscard]] std::uint64_t random_number();

}  // namespace redis
