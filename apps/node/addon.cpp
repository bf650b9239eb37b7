// SPDX-License-Identifier: MIT
//
// What JavaScript calls. The functions below the line are plain sequential C++: they would read the
// same in a program without JavaScript.
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <node_api.h>

#include <coloop/coloop.hpp>

#include "environment.hpp"

namespace {

// ---- what the coroutines do ----

struct Response {
    int status = 0;
    std::string body;
};

std::string read_all(coloop::TcpStream& stream) {
    std::string all;
    std::array<std::byte, 4096> buffer;
    while (const std::size_t count = stream.read(buffer)) {
        all.append(reinterpret_cast<const char*>(buffer.data()), count);
    }
    return all;
}

/// As much of HTTP as fits a screen: one request, one answer, the end of the connection.
Response fetch(const std::string& host, std::uint16_t port, const std::string& path) {
    auto stream = coloop::TcpStream::connect(host, port);
    stream.write("GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\n\r\n");
    const std::string answer = read_all(stream);
    const std::size_t space = answer.find(' ');
    const std::size_t head = answer.find("\r\n\r\n");
    if (!answer.starts_with("HTTP/1.") || space == std::string::npos || head == std::string::npos) {
        throw coloop::Error(std::make_error_code(std::errc::protocol_error), "fetch", host);
    }
    return {std::atoi(answer.c_str() + space), answer.substr(head + 4)};
}

/// Answers each line with what `handler` makes of it; ends the connection where that fails.
void answer_lines(coloop::TcpStream client,
                  const std::function<std::optional<std::string>(const std::string&)>& handler) {
    std::string pending;
    std::array<std::byte, 4096> buffer;
    while (const std::size_t count = client.read(buffer)) {
        pending.append(reinterpret_cast<const char*>(buffer.data()), count);
        for (std::size_t end; (end = pending.find('\n')) != std::string::npos;) {
            const auto answer = handler(pending.substr(0, end));
            if (!answer) {
                return;
            }
            client.write(*answer + "\n");
            pending.erase(0, end + 1);
        }
    }
}

// ---- what JavaScript calls ----

template <std::size_t Count>
std::array<napi_value, Count> arguments(napi_env env, napi_callback_info info) {
    std::array<napi_value, Count> values{};
    std::size_t count = Count;
    napi_get_cb_info(env, info, &count, values.data(), nullptr, nullptr);
    return values;
}

std::string string_of(napi_env env, napi_value value) {
    std::size_t size = 0;
    napi_get_value_string_utf8(env, value, nullptr, 0, &size);
    std::string text(size, '\0');
    napi_get_value_string_utf8(env, value, text.data(), size + 1, &size);
    return text;
}

std::uint32_t number_of(napi_env env, napi_value value) {
    std::uint32_t number = 0;
    napi_get_value_uint32(env, value, &number);
    return number;
}

napi_value undefined(napi_env env) {
    napi_value value = nullptr;
    napi_get_undefined(env, &value);
    return value;
}

napi_value make_response(napi_env env, const Response& response) {
    napi_value result = nullptr;
    napi_value status = nullptr;
    napi_value body = nullptr;
    napi_create_object(env, &result);
    napi_create_int32(env, response.status, &status);
    napi_create_string_utf8(env, response.body.data(), response.body.size(), &body);
    napi_set_named_property(env, result, "status", status);
    napi_set_named_property(env, result, "body", body);
    return result;
}

/// sleep(milliseconds) -> { id, promise }
napi_value on_sleep(napi_env env, napi_callback_info info) {
    const auto [duration] = arguments<1>(env, info);
    const std::chrono::milliseconds time(number_of(env, duration));
    return Environment::of(env).start([time] {
        coloop::co_sleep(time);
        return MakeValue(undefined);
    });
}

/// fetch(host, port, path) -> { id, promise }
napi_value on_fetch(napi_env env, napi_callback_info info) {
    const auto [host, port, path] = arguments<3>(env, info);
    return Environment::of(env).start([host = string_of(env, host),
                                       port = static_cast<std::uint16_t>(number_of(env, port)),
                                       path = string_of(env, path)] {
        return [response = fetch(host, port, path)](napi_env to) {
            return make_response(to, response);
        };
    });
}

/// serve(port, handler, listening) -> { id, promise }; ends when cancelled
napi_value on_serve(napi_env env, napi_callback_info info) {
    const auto [port, handler, listening] = arguments<3>(env, info);
    Environment& environment = Environment::of(env);
    const auto keep = [env](napi_value function) {
        napi_ref reference = nullptr;
        napi_create_reference(env, function, 1, &reference);
        return std::shared_ptr<napi_ref__>(
            reference, [env](napi_ref last) { napi_delete_reference(env, last); });
    };
    return environment.start([&environment, on_line = keep(handler), on_listening = keep(listening),
                              number = static_cast<std::uint16_t>(number_of(env, port))] {
        coloop::TcpListener listener("127.0.0.1", number);
        environment.call(on_listening.get(), std::to_string(listener.local_address().port()));
        coloop::serve(std::move(listener), [&](coloop::TcpStream client) {
            answer_lines(std::move(client), [&](const std::string& line) {
                return environment.call(on_line.get(), line);
            });
        });
        return MakeValue(undefined);
    });
}

/// cancel(id)
napi_value on_cancel(napi_env env, napi_callback_info info) {
    const auto [id] = arguments<1>(env, info);
    Environment::of(env).cancel(number_of(env, id));
    return undefined(env);
}

/// pending() -> how many operations have not been settled
napi_value on_pending(napi_env env, napi_callback_info /*info*/) {
    napi_value count = nullptr;
    napi_create_uint32(env, static_cast<std::uint32_t>(Environment::of(env).pending()), &count);
    return count;
}

}  // namespace

NAPI_MODULE_INIT() {
    if (!Environment::attach(env)) {
        napi_throw_error(env, nullptr, "coloop cannot attach to this environment's loop");
        return nullptr;
    }

    const struct {
        const char* name;
        napi_callback function;
    } functions[] = {
        {"sleep", on_sleep},   {"fetch", on_fetch},     {"serve", on_serve},
        {"cancel", on_cancel}, {"pending", on_pending},
    };

    for (const auto& [name, function] : functions) {
        napi_value value = nullptr;
        napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
        napi_set_named_property(env, exports, name, value);
    }
    napi_set_named_property(env, exports, "libuv", make_libuv_versions(env));
    return exports;
}
