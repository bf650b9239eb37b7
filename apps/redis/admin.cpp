// SPDX-License-Identifier: MIT
//
// Commands on the connection and on the server.
#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "server.hpp"

namespace redis {

namespace {

constexpr std::string_view version = "7.0.15";  // of Redis, whose commands these are

void ping(Call& call) {
    if (call.size() > 2) {
        throw Refusal("ERR wrong number of arguments for 'ping' command");
    }
    if (call.reply.protocol == 2 && call.session.subscriptions() > 0) {
        call.reply.array(2);
        call.reply.bulk("pong");
        call.reply.bulk(call.size() == 2 ? call[1] : "");
    } else if (call.size() == 2) {
        call.reply.bulk(call[1]);
    } else {
        call.reply.simple("PONG");
    }
}

void set_name(Session& session, std::string_view name) {
    if (std::any_of(name.begin(), name.end(), [](char c) { return c < '!' || c > '~'; })) {
        throw Refusal("ERR Client names cannot contain spaces, newlines or special characters.");
    }
    session.name = name;
}

void require_user(std::string_view user) {
    if (user != "default") {
        throw Refusal("WRONGPASS invalid username-password pair or user is disabled.");
    }
}

void auth(Call& call) {
    if (call.size() > 3) {
        refuse_syntax();
    }
    if (call.size() == 2) {
        throw Refusal(
            "ERR AUTH <password> called without any password configured for the default user. Are "
            "you sure your configuration is correct?");
    }
    require_user(call[1]);
    call.reply.ok();
}

void hello(Call& call) {
    std::int64_t protocol = call.reply.protocol;
    if (call.size() > 1) {
        protocol = to_integer(call[1], "ERR Protocol version is not an integer or out of range");
        if (protocol < 2 || protocol > 3) {
            throw Refusal("NOPROTO unsupported protocol version");
        }
    }
    for (std::size_t i = 2; i < call.size(); ++i) {
        if (call.is(i, "auth") && i + 2 < call.size()) {
            require_user(call[i + 1]);
            i += 2;
        } else if (call.is(i, "setname") && i + 1 < call.size()) {
            set_name(call.session, call[++i]);
        } else {
            throw Refusal(fmt::format("ERR Syntax error in HELLO option '{}'", call[i]));
        }
    }
    call.reply.protocol = static_cast<int>(protocol);
    call.reply.map(7);
    const auto text = [&](std::string_view name, std::string_view value) {
        call.reply.bulk(name);
        call.reply.bulk(value);
    };
    text("server", "redis");
    text("version", version);
    call.reply.bulk("proto");
    call.reply.integer(protocol);
    call.reply.bulk("id");
    call.reply.integer(static_cast<std::int64_t>(call.session.id));
    text("mode", "standalone");
    text("role", "master");
    call.reply.bulk("modules");
    call.reply.array(0);
}

void client_getname(Call& call) {
    call.session.name.empty() ? call.reply.null() : call.reply.bulk(call.session.name);
}

void client_setname(Call& call) {
    set_name(call.session, call[2]);
    call.reply.ok();
}

void client_setinfo(Call& call) {
    if (!call.is(2, "lib-name") && !call.is(2, "lib-ver")) {
        throw Refusal(fmt::format("ERR Unrecognized option '{}'", call[2]));
    }
    Session& session = call.session;
    (call.is(2, "lib-name") ? session.library_name : session.library_version) = call[3];
    call.reply.ok();
}

void client_list(Call& call) {
    std::string all;
    for (const auto& [id, session] : call.server.sessions) {
        all += session->describe() + "\n";
    }
    call.reply.bulk(all);
}

void reset(Call& call) {
    Session& session = call.session;
    call.server.discard(session);
    session.leave_channels();
    session.name.clear();
    call.reply.protocol = 2;
    call.reply.simple("RESET");
}

std::map<std::string, std::string> configuration(const Server& server) {
    const Settings& settings = server.settings();
    constexpr const char* policies[] = {"always", "everysec", "no"};
    return {{"appendfsync", policies[static_cast<int>(settings.store.fsync)]},
            {"appendonly", server.store.enabled() ? "yes" : "no"},
            {"bind", settings.host},
            {"client-query-buffer-limit", std::to_string(settings.query_limit)},
            {"databases", "1"},
            {"dir", settings.store.directory},
            {"maxclients", std::to_string(settings.max_clients)},
            {"maxmemory", "0"},
            {"port", std::to_string(settings.port)},
            {"proto-max-bulk-len", std::to_string(settings.longest_bulk)},
            {"save", ""},
            {"timeout", "0"}};
}

void config_get(Call& call) {
    auto found = configuration(call.server);
    std::erase_if(found, [&](const auto& option) {
        const Args patterns = call.args.subspan(2);
        return std::none_of(patterns.begin(), patterns.end(), [&](std::string_view pattern) {
            return matches(lower(pattern), option.first);
        });
    });
    call.reply.map(found.size());
    for (const auto& [name, value] : found) {
        call.reply.bulk(name);
        call.reply.bulk(value);
    }
}

void config_set(Call& call) {
    throw Refusal(
        fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'", call[2]));
}

void config_resetstat(Call& call) {
    call.server.commands_executed = call.server.connections_accepted = 0;
    call.reply.ok();
}

void describe(Reply& reply, const Command& command) {
    reply.array(6);
    reply.bulk(command.name);
    reply.integer(command.arity);
    reply.set(1);
    reply.simple((command.flags & flag::write) != 0 ? "write" : "readonly");
    reply.integer(command.first_key);
    reply.integer(command.last_key);
    reply.integer(command.key_step);
}

/// Without those that are parts of others.
std::vector<const Command*> whole_commands() {
    std::vector<const Command*> all = all_commands();
    std::erase_if(all, [](const Command* command) {
        return command->name.find('|') != std::string_view::npos;
    });
    return all;
}

void command(Call& call) {
    const auto all = whole_commands();
    call.reply.array(all.size());
    for (const Command* each : all) {
        describe(call.reply, *each);
    }
}

void command_list(Call& call) {
    const auto all = whole_commands();
    call.reply.array(all.size());
    for (const Command* each : all) {
        call.reply.bulk(each->name);
    }
}

void command_info(Call& call) {
    call.reply.array(call.size() - 2);
    for (const std::string_view name : call.args.subspan(2)) {
        const Command* found = find_command({&name, 1});
        found == nullptr ? call.reply.null_array() : describe(call.reply, *found);
    }
}

void command_count(Call& call) {
    call.reply.integer(static_cast<std::int64_t>(whole_commands().size()));
}

std::map<std::string, std::string> information(const Server& server) {
    const Store& store = server.store;
    return {
        {"Server", fmt::format("redis_version:{}\r\nredis_mode:standalone\r\nprocess_id:{}\r\n"
                               "tcp_port:{}\r\nuptime_in_seconds:{}\r\n",
                               version, coloop::os::process_id(), server.settings().port,
                               (now() - server.started) / 1000)},
        {"Clients",
         fmt::format("connected_clients:{}\r\nmaxclients:{}\r\nblocked_clients:{}\r\n",
                     server.sessions.size(), server.settings().max_clients, server.blocked.size())},
        {"Memory", fmt::format("used_memory_rss:{}\r\n", coloop::os::resident_memory())},
        {"Persistence",
         fmt::format("loading:0\r\nrdb_bgsave_in_progress:{}\r\nrdb_last_save_time:{}\r\n"
                     "aof_enabled:{}\r\naof_last_write_status:{}\r\naof_buffer_length:{}\r\n",
                     store.saving() ? 1 : 0, store.last_save() / 1000, store.enabled() ? 1 : 0,
                     store.failure() ? "err" : "ok", store.pending())},
        {"Stats",
         fmt::format("total_connections_received:{}\r\ntotal_commands_processed:{}\r\n"
                     "pubsub_channels:{}\r\npubsub_patterns:{}\r\n",
                     server.connections_accepted, server.commands_executed,
                     server.subscriptions.channels.size(), server.subscriptions.patterns.size())},
        {"Keyspace", server.keys.size() == 0
                         ? std::string()
                         : fmt::format("db0:keys={},expires={},avg_ttl=0\r\n", server.keys.size(),
                                       server.keys.volatile_size())},
    };
}

void info(Call& call) {
    const auto wanted = [&](const std::string& name) {
        for (std::size_t i = 1; i < call.size(); ++i) {
            if (call.is(i, lower(name)) || call.is(i, "all") || call.is(i, "everything") ||
                call.is(i, "default")) {
                return true;
            }
        }
        return call.size() == 1;
    };
    std::string text;
    for (const auto& [name, lines] : information(call.server)) {
        if (wanted(name)) {
            text += fmt::format("{}# {}\r\n{}", text.empty() ? "" : "\r\n", name, lines);
        }
    }
    call.reply.bulk(text);
}

void select(Call& call) {
    const std::int64_t number = call.integer(1);
    if (number != static_cast<int>(number)) {
        throw Refusal("ERR value is out of range, value must between -2147483648 and 2147483647");
    }
    if (number != 0) {
        throw Refusal("ERR DB index is out of range");
    }
    call.reply.ok();
}

void bgsave(Call& call) {
    if (call.size() > 2 || (call.size() == 2 && !call.is(1, "schedule"))) {
        refuse_syntax();
    }
    call.server.save_in_background();
    call.reply.simple("Background saving started");
}

void shutdown(Call& call) {
    for (std::size_t i = 1; i < call.size(); ++i) {
        if (!call.is(i, "save") && !call.is(i, "nosave") && !call.is(i, "now") &&
            !call.is(i, "force")) {
            refuse_syntax();
        }
    }
    call.session.closing = true;
    call.server.stop();
}

void quit(Call& call) {
    call.session.closing = true;
    call.reply.ok();
}

void save(Call& call) {
    call.server.save();
    call.reply.ok();
}

void rewrite(Call& call) {
    call.server.save_in_background();
    call.reply.simple("Background append only file rewriting started");
}

constexpr unsigned anywhere = flag::subscriber;

constexpr Command commands[] = {
    {"ping", -1, anywhere, ping},
    {"echo", 2, 0, [](Call& call) { call.reply.bulk(call[1]); }},
    {"quit", -1, anywhere | flag::immediate, quit},
    {"reset", 1, anywhere | flag::immediate, reset},
    {"auth", -2, 0, auth},
    {"hello", -1, 0, hello},
    {"select", 2, 0, select},
    {"client", -2, flag::container, nullptr},
    {"client|id", 2, 0,
     [](Call& call) { call.reply.integer(static_cast<std::int64_t>(call.session.id)); }},
    {"client|getname", 2, 0, client_getname},
    {"client|setname", 3, 0, client_setname},
    {"client|setinfo", 4, 0, client_setinfo},
    {"client|info", 2, 0, [](Call& call) { call.reply.bulk(call.session.describe() + "\n"); }},
    {"client|list", -2, 0, client_list},
    {"command", -1, flag::container, command},
    {"command|count", 2, 0, command_count},
    {"command|docs", -2, 0, [](Call& call) { call.reply.map(0); }},
    {"command|info", -2, 0, command_info},
    {"command|list", -2, 0, command_list},
    {"config", -2, flag::container, nullptr},
    {"config|get", -3, 0, config_get},
    {"config|set", -4, 0, config_set},
    {"config|resetstat", 2, 0, config_resetstat},
    {"info", -1, 0, info},
    {"save", 1, flag::alone, save},
    {"bgsave", -1, 0, bgsave},
    {"bgrewriteaof", 1, 0, rewrite},
    {"lastsave", 1, 0,
     [](Call& call) { call.reply.integer(call.server.store.last_save() / 1000); }},
    {"shutdown", -1, flag::alone, shutdown},
};

}  // namespace

const std::span<const Command> admin_commands = commands;

}  // namespace redis
