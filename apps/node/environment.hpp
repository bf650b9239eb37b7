// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <node_api.h>

#include <coloop/coloop.hpp>

/// Makes the value that JavaScript gets.
using MakeValue = std::function<napi_value(napi_env env)>;

/// { built, running }: the versions of libuv that the addon was built with and that Node has.
napi_value make_libuv_versions(napi_env env);

/// What a Promise stands for: a function that runs in a coroutine, and what came of it.
struct Operation {
    std::uint32_t id = 0;
    std::function<MakeValue()> work;
    napi_deferred promise = nullptr;
    coloop::CancelScope* scope = nullptr;  // while it runs
    bool cancelled = false;
    MakeValue value;
    std::optional<coloop::Error> error;
};

/// coloop in one environment of Node: the main thread's, or a worker's. A guest on that one's loop.
///
/// The coroutines know nothing of JavaScript. One that has ended hands in what it found, and the
/// Promises are settled from the loop's stack, since V8 refuses to run on any other.
class Environment {
public:
    /// Makes the environment's instance, which is gone when Node tears the environment down.
    static bool attach(napi_env env);

    static Environment& of(napi_env env);

    /// Runs `work` in a coroutine; what it returns settles the Promise. Returns `{ id, promise }`.
    napi_value start(std::function<MakeValue()> work);

    /// Ends the waits of an operation. Its Promise is rejected with the code ABORT_ERR.
    void cancel(std::uint32_t id);

    [[nodiscard]] std::size_t pending() const { return operations_.size(); }

    /// Calls a function of JavaScript from a coroutine, on the loop's stack; empty if it threw.
    std::optional<std::string> call(napi_ref function, const std::string& argument);

    [[nodiscard]] napi_env env() const { return env_; }

private:
    explicit Environment(napi_env env, uv_loop_s* uv) : env_(env), loop_(uv) {}

    static void leave(napi_async_cleanup_hook_handle hook, void* self);
    void run(const std::shared_ptr<Operation>& operation);
    void finish(std::shared_ptr<Operation> operation);
    void settle_finished();
    void settle(const Operation& operation);

    napi_env env_;
    coloop::Loop loop_;
    napi_async_context context_ = nullptr;
    bool leaving_ = false;
    std::uint32_t last_id_ = 0;
    std::unordered_map<std::uint32_t, std::shared_ptr<Operation>> operations_;
    std::vector<std::shared_ptr<Operation>> finished_;
};
