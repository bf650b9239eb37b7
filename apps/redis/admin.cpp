// SPDX-License-Identifier: MIT
//
// Commands on the connection and on the server.
#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "server.hpp"

namespace redis {

namespace {

constexpr const char* version = "7.0.15";  // of Redis, whose commands these are

void ping(Call& call) {
    if (call.size() > 2) {
        refuse_arity(call);
    }
    if (call.reply.protocol == 2 && call.session.subscriptions() > 0) {
        call.reply.bulks(Words{"pong", call.size() == 2 ? call[1] : ""});
    } else if (call.size() == 2) {
        call.reply.bulk(call[1]);
    } else {
        call.reply.simple("PONG");
    }
}

void set_name(Session& session, const std::string& name) {
    if (std::any_of(name.begin(), name.end(), [](char c) { return c < '!' || c > '~'; })) {
        throw Refusal("ERR Client names cannot contain spaces, newlines or special characters.");
    }
    session.name = name;
}

void hello(Call& call) {
    Reply& reply = call.reply;
    std::int64_t protocol = reply.protocol;
    if (call.size() > 1) {
        protocol = to_integer(call[1], "ERR Protocol version is not an integer or out of range");
        if (protocol < 2 || protocol > 3) {
            throw Refusal("NOPROTO unsupported protocol version");
        }
    }
    for (std::size_t i = 2; i < call.size(); i += 2) {
        if (!call.is(i, "setname") || i + 1 == call.size()) {
            throw Refusal(fmt::format("ERR Syntax error in HELLO option '{}'", call[i]));
        }
        set_name(call.session, call[i + 1]);
    }
    reply.protocol = static_cast<int>(protocol);
    reply.map(7);
    reply.append_all(Words{"server", "redis", "version", version, "mode", "standalone", "role",
                           "master", "proto"});
    reply.integer(protocol);
    reply.bulk("id");
    reply.integer(call.session.id);
    reply.bulk("modules");
    reply.array(0);
}

void client(Call& call) {
    if (call.is(1, "id") && call.size() == 2) {
        call.reply.integer(call.session.id);
    } else if (call.is(1, "getname") && call.size() == 2) {
        call.session.name.empty() ? call.reply.null() : call.reply.bulk(call.session.name);
    } else if (call.is(1, "setname") && call.size() == 3) {
        set_name(call.session, call[2]);
        call.reply.ok();
    } else if (call.is(1, "setinfo") && call.size() == 4) {  // new clients say what they are
        call.reply.ok();
    } else {
        refuse_subcommand(call);
    }
}

/// What redis-cli and redis-benchmark ask, and a few words more.
void config(Call& call) {
    if (!call.is(1, "get") || call.size() < 3) {
        refuse_subcommand(call);
    }
    const Settings& settings = call.server.settings();
    const StoreOptions& store = settings.store;
    constexpr const char* policies[] = {"always", "everysec", "no"};
    const std::map<std::string, std::string> options = {
        {"appendfsync", policies[static_cast<int>(store.fsync)]},
        {"appendonly", store.directory.empty() ? "no" : "yes"},
        {"databases", "1"},
        {"dir", store.directory},
        {"maxclients", std::to_string(settings.max_clients)},
        {"save", ""}};
    Words found;
    for (const auto& option : options) {
        const auto is_meant = [&](const std::string& pattern) {
            return matches(lower(pattern), option.first);
        };
        if (std::any_of(call.words.begin() + 2, call.words.end(), is_meant)) {
            found.insert(found.end(), {option.first, option.second});
        }
    }
    call.reply.map(found.size() / 2);
    call.reply.append_all(found);
}

/// redis-cli asks for a description of all commands, and goes on without.
void command(Call& call) {
    call.is(call.size() - 1, "docs") ? call.reply.map(0) : call.reply.array(0);
}

void info(Call& call) {
    const Server& server = call.server;
    const Store& store = server.store;
    const std::map<std::string, std::string> sections = {
        {"Server", fmt::format("redis_version:{}\r\nredis_mode:standalone\r\nprocess_id:{}\r\n"
                               "tcp_port:{}\r\nuptime_in_seconds:{}\r\n",
                               version, coloop::os::process_id(), server.settings().port,
                               (wall_time() - server.started) / 1000)},
        {"Clients", fmt::format("connected_clients:{}\r\nblocked_clients:{}\r\n",
                                server.sessions.size(), server.blocked.size())},
        {"Memory", fmt::format("used_memory_rss:{}\r\n", coloop::os::resident_memory())},
        {"Persistence", fmt::format("rdb_bgsave_in_progress:{}\r\nrdb_last_save_time:{}\r\n"
                                    "aof_enabled:{}\r\naof_last_write_status:{}\r\n",
                                    store.saving() ? 1 : 0, store.last_save() / 1000,
                                    store.enabled() ? 1 : 0, store.failure() ? "err" : "ok")},
        {"Stats", fmt::format("total_connections_received:{}\r\ntotal_commands_processed:{}\r\n"
                              "pubsub_channels:{}\r\npubsub_patterns:{}\r\n",
                              server.connections_accepted, server.commands_executed,
                              server.channels.size(), server.patterns.size())},
        {"Keyspace", fmt::format("db0:keys={},expires={},avg_ttl=0\r\n", server.keys.size(),
                                 server.keys.volatile_size())},
    };
    std::string text;
    for (const auto& [name, lines] : sections) {
        if (call.size() == 1 || call.is(1, "all") || call.is(1, lower(name))) {
            text += fmt::format("{}# {}\r\n{}", text.empty() ? "" : "\r\n", name, lines);
        }
    }
    call.reply.bulk(text);
}

void select(Call& call) {
    if (call.integer(1) != 0) {
        throw Refusal("ERR DB index is out of range");
    }
    call.reply.ok();
}

void save(Call& call) {
    call.server.save();
    call.begin = call.reply.text.size();  // what there was before is on its way
    call.reply.ok();
}

void shutdown(Call& call) {
    call.session.closing = true;
    call.server.stop();
}

void quit(Call& call) {
    call.session.closing = true;
    call.reply.ok();
}

void bgsave(Call& call) {
    call.server.save_in_background();
    call.reply.simple("Background saving started");
}

constexpr Command commands[] = {
    {"ping", -1, flag::subscriber, ping},
    {"echo", 2, 0, [](Call& call) { call.reply.bulk(call[1]); }},
    {"quit", -1, flag::subscriber | flag::immediate, quit},
    {"hello", -1, 0, hello},
    {"select", 2, 0, select},
    {"client", -2, 0, client},
    {"command", -1, 0, command},
    {"config", -2, 0, config},
    {"info", -1, 0, info},
    {"save", 1, flag::alone, save},
    {"bgsave", 1, 0, bgsave},
    {"bgrewriteaof", 1, 0, bgsave},
    {"lastsave", 1, 0,
     [](Call& call) { call.reply.integer(call.server.store.last_save() / 1000); }},
    {"shutdown", -1, flag::alone, shutdown},
};

}  // namespace

const std::span<const Command> admin_commands = commands;

}  // namespace redis
