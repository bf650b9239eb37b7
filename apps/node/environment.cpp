// SPDX-License-Identifier: MIT
#include "environment.hpp"

#include <string>
#include <utility>

#include <uv.h>

#include <fmt/core.h>

namespace {

napi_value text(napi_env env, const std::string& content) {
    napi_value value = nullptr;
    napi_create_string_utf8(env, content.data(), content.size(), &value);
    return value;
}

/// An Error of JavaScript whose `code` is the system's name for it: ECONNREFUSED.
napi_value make_error(napi_env env, const std::string& code, const std::string& message) {
    napi_value error = nullptr;
    napi_create_error(env, text(env, code), text(env, message), &error);
    return error;
}

std::string code_of(const coloop::Error& error) {
    if (error.code().category() == coloop::uv_category()) {
        return uv_err_name(error.code().value());
    }
    return error.code() == coloop::Errc::timed_out ? "ETIMEDOUT" : "ERR_COLOOP";
}

/// Where JavaScript may run: what it leaves to do at once is done when this ends.
class CallbackScope {
public:
    CallbackScope(napi_env env, napi_async_context context) : env_(env) {
        napi_value resource = nullptr;
        napi_open_handle_scope(env_, &handles_);
        napi_create_object(env_, &resource);
        open_ = napi_open_callback_scope(env_, resource, context, &scope_) == napi_ok;
    }

    CallbackScope(const CallbackScope&) = delete;
    CallbackScope& operator=(const CallbackScope&) = delete;

    ~CallbackScope() {
        if (open_) {
            napi_close_callback_scope(env_, scope_);
        }
        napi_close_handle_scope(env_, handles_);
    }

private:
    napi_env env_;
    napi_handle_scope handles_ = nullptr;
    napi_callback_scope scope_ = nullptr;
    bool open_ = false;
};

}  // namespace

napi_value make_libuv_versions(napi_env env) {
    napi_value versions = nullptr;
    napi_create_object(env, &versions);
    napi_set_named_property(
        env, versions, "built",
        text(env, fmt::format("{}.{}.{}", UV_VERSION_MAJOR, UV_VERSION_MINOR, UV_VERSION_PATCH)));
    napi_set_named_property(env, versions, "running", text(env, uv_version_string()));
    return versions;
}

bool Environment::attach(napi_env env) {
    uv_loop_s* uv = nullptr;
    napi_value name = nullptr;
    if (napi_get_uv_event_loop(env, &uv) != napi_ok) {
        return false;
    }
    auto* self = new Environment(env, uv);
    napi_create_string_utf8(env, "coloop", NAPI_AUTO_LENGTH, &name);
    napi_async_init(env, nullptr, name, &self->context_);
    napi_set_instance_data(env, self, nullptr, nullptr);
    return napi_add_async_cleanup_hook(env, leave, self, nullptr) == napi_ok;
}

Environment& Environment::of(napi_env env) {
    void* self = nullptr;
    napi_get_instance_data(env, &self);
    return *static_cast<Environment*>(self);
}

/// The environment is being torn down. Node runs its loop on until the hook is removed.
void Environment::leave(napi_async_cleanup_hook_handle hook, void* self) {
    auto& environment = *static_cast<Environment*>(self);
    environment.leaving_ = true;
    environment.loop_.detach([&environment, hook] {
        delete &environment;
        napi_remove_async_cleanup_hook(hook);
    });
}

napi_value Environment::start(std::function<MakeValue()> work) {
    auto operation = std::make_shared<Operation>();
    napi_value promise = nullptr;
    napi_value id = nullptr;
    napi_value result = nullptr;
    operation->id = ++last_id_;
    operation->work = std::move(work);
    napi_create_promise(env_, &operation->promise, &promise);
    napi_create_uint32(env_, operation->id, &id);
    napi_create_object(env_, &result);
    napi_set_named_property(env_, result, "id", id);
    napi_set_named_property(env_, result, "promise", promise);
    operations_.emplace(operation->id, operation);
    const auto spawned = loop_.spawn([this, operation] { run(operation); }, {}, std::nothrow);
    if (!spawned) {
        operation->error = spawned.error();
        finish(operation);
    }
    return result;
}

void Environment::cancel(std::uint32_t id) {
    const auto found = operations_.find(id);
    if (found == operations_.end()) {
        return;
    }
    found->second->cancelled = true;
    if (found->second->scope != nullptr) {
        found->second->scope->cancel();
    }
}

/// If the whole environment is being left, Cancelled goes through and nothing is settled.
void Environment::run(const std::shared_ptr<Operation>& operation) {
    coloop::CancelScope scope;
    operation->scope = &scope;
    if (operation->cancelled) {
        scope.cancel();
    }
    try {
        scope.run([&] { operation->value = operation->work(); });
    } catch (const coloop::Error& error) {
        operation->error = error;
    } catch (...) {
        operation->scope = nullptr;
        operations_.erase(operation->id);
        throw;
    }
    operation->scope = nullptr;
    finish(operation);
}

/// Those that end in the same turn of the loop are settled together.
void Environment::finish(std::shared_ptr<Operation> operation) {
    finished_.push_back(std::move(operation));
    if (finished_.size() == 1) {
        loop_.post([this] { settle_finished(); });
    }
}

void Environment::settle_finished() {
    const auto finished = std::exchange(finished_, {});
    if (leaving_) {
        return;
    }
    const CallbackScope scope(env_, context_);
    for (const auto& operation : finished) {
        operations_.erase(operation->id);
        settle(*operation);
    }
}

void Environment::settle(const Operation& operation) {
    if (operation.error) {
        napi_reject_deferred(env_, operation.promise,
                             make_error(env_, code_of(*operation.error), operation.error->what()));
    } else if (operation.value) {
        napi_resolve_deferred(env_, operation.promise, operation.value(env_));
    } else {
        napi_reject_deferred(env_, operation.promise,
                             make_error(env_, "ABORT_ERR", "The operation was aborted"));
    }
}

std::optional<std::string> Environment::call(napi_ref function, const std::string& argument) {
    std::optional<std::string> answer;
    if (leaving_) {
        return answer;
    }
    coloop::run_on_loop_stack([&] {
        const CallbackScope scope(env_, context_);
        napi_value callee = nullptr;
        napi_value global = nullptr;
        napi_value result = nullptr;
        napi_value thrown = nullptr;
        const napi_value line = text(env_, argument);
        napi_get_reference_value(env_, function, &callee);
        napi_get_global(env_, &global);
        std::size_t size = 0;
        if (napi_call_function(env_, global, callee, 1, &line, &result) != napi_ok) {
            napi_get_and_clear_last_exception(env_, &thrown);
        } else if (napi_get_value_string_utf8(env_, result, nullptr, 0, &size) == napi_ok) {
            answer.emplace(size, '\0');
            napi_get_value_string_utf8(env_, result, answer->data(), size + 1, &size);
        }
    });
    return answer;
}
