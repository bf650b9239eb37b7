// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <coloop/descriptor.hpp>
#include <coloop/export.hpp>
#include <coloop/listener_handle.hpp>
#include <coloop/path.hpp>
#include <coloop/result.hpp>
#include <coloop/stream_handle.hpp>

namespace coloop {

class PipeNode;

/// What PipeStream::receive_descriptors() returns.
struct ReceivedDescriptors {
    std::size_t size = 0;  ///< bytes in the buffer; 0 at the end of the stream
    std::vector<Descriptor> descriptors;
    bool lost = false;  ///< there were more, for which this process had no room
};

/// A connection between processes of one machine, or one end of a pipe; see StreamHandle for where
/// it belongs and how it moves.
///
/// Names are paths, or on Linux abstract names, which begin with '@' and exist only while somebody
/// listens ("./@name" is a file). A path may have 107 bytes, by the system's limit; a longer one is
/// an Error (name too long).
class COLOOP_EXPORT PipeStream final : public StreamHandle {
public:
    PipeStream() noexcept = default;
    explicit PipeStream(PipeNode* node) noexcept;

    /// Connects to whoever listens at `name`; waits while the listener has no room. To be called in
    /// a coroutine. Throws Error if that fails, Cancelled if cancelled before or meanwhile.
    static PipeStream connect(const Path& name) { return connect(name, std::nothrow).value(); }

    /// The same; returns the Error.
    static Result<PipeStream> connect(const Path& name, std::nothrow_t tag) noexcept;

    /// Takes over one end of a pipe, or a connected socket of the Unix domain, that something else
    /// has opened; makes it non-blocking, for everybody who shares it. `name` is for errors. Throws
    /// Error if it is something else or not open, and closes it then.
    static PipeStream adopt_descriptor(Descriptor descriptor, std::string_view name = "a pipe") {
        return adopt_descriptor(std::move(descriptor), name, std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<PipeStream> adopt_descriptor(Descriptor descriptor, std::string_view name,
                                               std::nothrow_t tag) noexcept;

    /// Writes `bytes`, at least one, and passes `descriptors`, at most 253, along with the first:
    /// open sockets, pipes, listeners or files for another process, which gets them with
    /// receive_descriptors() or as recvmsg(2) says. They may be closed here as soon as this
    /// returns.
    ///
    /// Throws as write() does, and if this is a one-way pipe (not a socket). Cancelled before the
    /// first byte is taken, it has sent nothing and leaves the stream open.
    void send_descriptors(std::span<const Descriptor> descriptors,
                          std::span<const std::byte> bytes) {
        send_descriptors(descriptors, bytes, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<void> send_descriptors(std::span<const Descriptor> descriptors,
                                  std::span<const std::byte> bytes, std::nothrow_t tag) noexcept;

    /// Reads as read() does, and takes the descriptors that came along with these bytes. They are
    /// not inherited by child processes, and closed if nobody keeps them; adopt_descriptor() of
    /// their type makes streams and listeners of them. Any other way of reading drops them.
    ReceivedDescriptors receive_descriptors(std::span<std::byte> buffer) {
        return receive_descriptors(buffer, std::nothrow).value();
    }

    /// The same; returns the Error.
    Result<ReceivedDescriptors> receive_descriptors(std::span<std::byte> buffer,
                                                    std::nothrow_t tag) noexcept;

private:
    [[nodiscard]] const char* type() const noexcept override { return "a PipeStream"; }

    [[nodiscard]] PipeNode& node() const noexcept;
};

/// Two streams that are connected to each other. Throws Error if there are too many descriptors.
[[nodiscard]] COLOOP_EXPORT std::pair<PipeStream, PipeStream> pipe_pair();

/// The same; returns the Error.
COLOOP_EXPORT Result<std::pair<PipeStream, PipeStream>> pipe_pair(std::nothrow_t tag) noexcept;

/// The ends of a pipe. Only one can be read and only the other written; shutdown_write() closes it.
struct OneWayPipe {
    PipeStream reader;
    PipeStream writer;
};

/// A new pipe. Throws Error if there are too many descriptors.
[[nodiscard]] COLOOP_EXPORT OneWayPipe one_way_pipe();

/// The same; returns the Error.
COLOOP_EXPORT Result<OneWayPipe> one_way_pipe(std::nothrow_t tag) noexcept;

struct PipeListenOptions {
    /// Connections that the system keeps for accept(); it has a limit of its own.
    int backlog = 4096;

    /// Of the file at a path, whatever the process's umask: who may write it may connect.
    unsigned permissions = 0600;
};

/// A socket that takes connections from processes of this machine; see ListenerHandle for where it
/// belongs and how it moves.
class COLOOP_EXPORT PipeListener final : public ListenerHandle {
public:
    /// Listens at `name` (see PipeStream). Does not wait. At a path it makes a socket file, which
    /// is removed when it closes. A socket file that nobody listens on any more, left by a process
    /// that crashed, is replaced; don't start two servers for one path at the same moment. Throws
    /// Error, for instance if somebody listens there.
    explicit PipeListener(const Path& name, const PipeListenOptions& options = {});

    /// The same; returns the Error.
    static Result<PipeListener> listen(const Path& name, const PipeListenOptions& options,
                                       std::nothrow_t tag) noexcept;

    /// Takes over a socket of the Unix domain that listens already: one that was passed by another
    /// process, or by systemd. Its socket file, if any, is not removed.
    static PipeListener adopt_descriptor(Descriptor descriptor) {
        return adopt_descriptor(std::move(descriptor), std::nothrow).value();
    }

    /// The same; returns the Error.
    static Result<PipeListener> adopt_descriptor(Descriptor descriptor,
                                                 std::nothrow_t tag) noexcept;

    /// Waits for the next connection, as TcpListener::accept() does.
    PipeStream accept() { return accept(std::nothrow).value(); }

    /// The same; returns the Error.
    Result<PipeStream> accept(std::nothrow_t tag) noexcept;

    /// Where it listens, as it was given.
    [[nodiscard]] std::string name() const;

private:
    using ListenerHandle::ListenerHandle;
};

}  // namespace coloop
