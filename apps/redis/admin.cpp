// SPDX-License-Identifier: MIT
//
// Commands on the connection and on the server.
#include <map>

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

void hello(Call& call) {
    Reply& reply = call.reply;
    std::int64_t protocol = reply.protocol;
    if (call.size() > 1) {
        protocol = to_integer(call[1], "ERR Protocol version is not an integer or out of range");
    }
    if (protocol < 2 || protocol > 3) {
        throw Refusal("NOPROTO unsupported protocol version");
    }
    if (call.size() > 2) {
        throw Refusal(fmt::format("ERR Syntax error in HELLO option '{}'", call[2]));
    }
    reply.protocol = static_cast<int>(protocol);
    reply.map(7);
    reply.append_all(Words{"server", "redis", "version", version, "mode", "standalone", "role",
                           "master", "proto"});
    reply.integer(protocol);
    reply.append_all(Words{"id"});
    reply.integer(call.session.id);
    reply.append_all(Words{"modules"});
    reply.array(0);
}

void client(Call& call) {
    std::string& name = call.session.name;
    if (call.is(1, "id") && call.size() == 2) {
        call.reply.integer(call.session.id);
    } else if (call.is(1, "getname") && call.size() == 2) {
        call.reply.bulk(name.empty() ? nullptr : &name);
    } else if (call.is(1, "setname") && call.size() == 3) {
        name = call[2];
        call.reply.ok();
    } else if (call.is(1, "setinfo") && call.size() == 4) {  // new clients say what they are
        call.reply.ok();
    } else {
        refuse_syntax();
    }
}

/// What redis-cli and redis-benchmark ask for.
void config(Call& call) {
    if (!call.is(1, "get") || call.size() != 3) {
        refuse_syntax();
    }
    const std::map<std::string, std::string> options = {
        {"appendonly", call.server.store.enabled() ? "yes" : "no"},
        {"databases", "1"},
        {"maxclients", std::to_string(call.server.settings().max_clients)},
        {"save", ""}};
    Words found;
    for (const auto& [name, value] : options) {
        if (matches(lower(call[2]), name)) {
            found.insert(found.end(), {name, value});
        }
    }
    call.reply.map(found.size() / 2);
    call.reply.append_all(found);
}

void info(Call& call) {
    const Server& server = call.server;
    const Store& store = server.store;
    const std::pair<const char*, std::string> sections[] = {
        {"Server", fmt::format("redis_version:{}\r\nredis_mode:standalone\r\nprocess_id:{}\r\n",
                               version, coloop::os::process_id())},
        {"Clients", fmt::format("connected_clients:{}\r\nblocked_clients:{}\r\n",
                                server.sessions.size(), server.waiters)},
        {"Memory", fmt::format("used_memory_rss:{}\r\n", coloop::os::resident_memory())},
        {"Persistence",
         fmt::format("aof_enabled:{:d}\r\naof_rewrite_in_progress:{:d}\r\n"
                     "aof_last_write_status:{}\r\n",
                     store.enabled(), store.saving(), store.failure() ? "err" : "ok")},
        {"Stats", fmt::format("total_connections_received:{}\r\ntotal_commands_processed:{}\r\n",
                              server.connections_accepted, server.commands_executed)},
        {"Keyspace", fmt::format("db0:keys={}\r\n", server.keys.size())},
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

void bgsave(Call& call) {
    if (!call.server.store.enabled()) {
        throw Refusal("ERR there is no directory to save to; start the server with --dir");
    }
    call.server.store.save_soon();
    call.reply.simple(call.is(0, "bgsave") ? "Background saving started"
                                           : "Background append only file rewriting started");
}

void shutdown(Call& call) {
    call.session.closing = true;
    call.server.stop();
}

void quit(Call& call) {
    call.session.closing = true;
    call.reply.ok();
}

constexpr Command commands[] = {
    {"ping", -1, flag::subscriber, ping},
    {"echo", 2, 0, [](Call& call) { call.reply.bulk(call[1]); }},
    {"quit", -1, flag::subscriber | flag::immediate, quit},
    {"hello", -1, 0, hello},
    {"select", 2, 0, select},
    {"client", -2, 0, client},
    {"command", -1, 0, [](Call& call) { call.reply.map(0); }},  // redis-cli asks what there is
    {"config", -2, 0, config},
    {"info", -1, 0, info},
    {"bgsave", 1, 0, bgsave},
    {"bgrewriteaof", 1, 0, bgsave},
    {"shutdown", -1, flag::alone, shutdown},
};

}  // namespace

const Commands admin_commands = commands;

}  // namespace redis
