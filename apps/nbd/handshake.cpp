// SPDX-License-Identifier: MIT
#include "handshake.hpp"

#include <array>
#include <utility>

#include "protocol.hpp"

namespace nbd {

namespace {

using coloop::MemoryReader;
using coloop::MemoryWriter;
using coloop::read_be;
using coloop::write_be;

/// Refuses an option; the haggling goes on.
struct Refusal {
    OptionReply why;
};

std::string read_text(MemoryReader& from, std::size_t size) {
    if (size > from.rest().size()) {
        throw Refusal{OptionReply::invalid};
    }
    if (size > longest_text) {
        throw Refusal{OptionReply::too_big};
    }
    std::string text(size, '\0');
    from.read_exactly(std::as_writable_bytes(std::span(text)));
    return text;
}

std::string read_sized_text(MemoryReader& from) {
    return read_text(from, read_be<std::uint32_t>(from));
}

void require_end(const MemoryReader& from) {
    if (!from.rest().empty()) {
        throw Refusal{OptionReply::invalid};
    }
}

std::uint16_t flags_for(const Disk& disk, bool structured) {
    namespace flag = transmission_flag;
    int flags = flag::has_flags | flag::flush | flag::fua | flag::multi_conn | flag::cache;
    flags |= disk.options().read_only ? flag::read_only
                                      : flag::trim | flag::write_zeroes | flag::fast_zero;
    flags |= structured ? flag::dont_fragment : 0;
    return static_cast<std::uint16_t>(flags);
}

class Handshake {
public:
    Handshake(coloop::Writer& client, coloop::BufReader& input, const Server& server)
        : client_(client), input_(input), server_(server) {}

    std::optional<Agreement> run() {
        greet();
        for (;;) {
            const std::optional<std::uint32_t> option = next_option();
            if (!option) {
                return std::nullopt;
            }
            answer(Option{*option});
            client_.write(out_.bytes());
            out_.clear();
            if (disk_ != nullptr) {
                return Agreement{disk_, structured_, context_disk_ == disk_};
            }
            if (ended_) {
                return std::nullopt;
            }
        }
    }

private:
    void greet() {
        namespace flag = handshake_flag;
        write_be<std::uint64_t>(out_, greeting_magic);
        write_be<std::uint64_t>(out_, option_magic);
        write_be<std::uint16_t>(out_, flag::fixed_newstyle | flag::no_zeroes);
        client_.write(out_.bytes());
        out_.clear();
    }

    /// Its data is in data_ then. Nothing at the end of the stream.
    std::optional<std::uint32_t> next_option() {
        if (!greeted_) {
            if (input_.peek().empty()) {
                return std::nullopt;
            }
            take_client_flags(read_be<std::uint32_t>(input_));
        }
        if (input_.peek().empty()) {
            return std::nullopt;
        }
        if (read_be<std::uint64_t>(input_) != option_magic) {
            throw ProtocolError("an option without its magic");
        }
        const auto option = read_be<std::uint32_t>(input_);
        const auto size = read_be<std::uint32_t>(input_);
        if (size > longest_option) {
            throw ProtocolError("an option of " + std::to_string(size) + " bytes");
        }
        data_.resize(size);
        input_.read_exactly(data_);
        return option;
    }

    void take_client_flags(std::uint32_t flags) {
        constexpr std::uint32_t known = handshake_flag::fixed_newstyle | handshake_flag::no_zeroes;
        if ((flags & ~known) != 0) {
            throw ProtocolError("client flags " + std::to_string(flags));
        }
        no_zeroes_ = (flags & handshake_flag::no_zeroes) != 0;
        greeted_ = true;
    }

    void answer(Option option) {
        MemoryReader data(data_);
        if (option == Option::export_name) {  // the one that has no way to refuse
            begin_oldest_way(data);
            return;
        }
        try {
            if (server_.draining && option != Option::abort) {
                throw Refusal{OptionReply::shutdown};
            }
            carry_out(option, data);
            reply(option, OptionReply::ack, {});
        } catch (const Refusal& refusal) {
            reply(option, refusal.why, {});
        } catch (const coloop::EndOfStream&) {  // of the data
            reply(option, OptionReply::invalid, {});
        }
    }

    void carry_out(Option option, MemoryReader& data) {
        switch (option) {
            case Option::abort:
                ended_ = true;
                return;
            case Option::list:
                require_end(data);
                return list();
            case Option::info:
            case Option::go:
                return describe(option, data);
            case Option::structured_reply:
                require_end(data);
                structured_ = true;
                return;
            case Option::list_meta_context:
            case Option::set_meta_context:
                return contexts(option, data);
            default:
                throw Refusal{OptionReply::unsupported};
        }
    }

    void begin_oldest_way(MemoryReader& data) {
        Disk* disk = data_.size() > longest_text
                         ? nullptr
                         : server_.find(read_text(data, data.rest().size()));
        if (disk == nullptr || server_.draining) {
            ended_ = true;
            return;
        }
        write_be<std::uint64_t>(out_, disk->size());
        write_be<std::uint16_t>(out_, flags_for(*disk, structured_));
        if (!no_zeroes_) {
            out_.write(std::array<std::byte, 124>{});
        }
        disk_ = disk;
    }

    void list() {
        for (const std::unique_ptr<Disk>& disk : server_.disks) {
            MemoryWriter entry;
            write_be<std::uint32_t>(entry, static_cast<std::uint32_t>(disk->options().name.size()));
            entry.write(disk->options().name);
            entry.write(disk->options().description);
            reply(Option::list, OptionReply::server, entry.text());
        }
    }

    void describe(Option option, MemoryReader& data) {
        const std::string name = read_sized_text(data);
        std::vector<Info> wanted(read_be<std::uint16_t>(data));
        for (Info& info : wanted) {
            info = Info{read_be<std::uint16_t>(data)};
        }
        require_end(data);
        Disk& disk = find(name);
        tell(option, Info::size, disk);
        for (const Info info : wanted) {
            if (info > Info::size && info <= Info::block_size) {
                tell(option, info, disk);
            }
        }
        if (option == Option::go) {
            disk_ = &disk;
        }
    }

    void tell(Option option, Info info, const Disk& disk) {
        MemoryWriter out;
        write_be<std::uint16_t>(out, static_cast<std::uint16_t>(info));
        switch (info) {
            case Info::size:
                write_be<std::uint64_t>(out, disk.size());
                write_be<std::uint16_t>(out, flags_for(disk, structured_));
                break;
            case Info::name:
                out.write(disk.options().name);
                break;
            case Info::description:
                out.write(disk.options().description);
                break;
            case Info::block_size:
                for (const std::uint32_t size : {1U, 4096U, longest_data}) {  // least, best, most
                    write_be<std::uint32_t>(out, size);
                }
                break;
        }
        reply(option, OptionReply::info, out.text());
    }

    /// There is one context, base:allocation, which says what is hole and what is data.
    void contexts(Option option, MemoryReader& data) {
        const bool set = option == Option::set_meta_context;
        if (set) {
            context_disk_ = nullptr;
        }
        if (!structured_) {
            throw Refusal{OptionReply::invalid};
        }
        const std::string name = read_sized_text(data);
        const auto queries = read_be<std::uint32_t>(data);
        bool wanted = !set && queries == 0;
        for (std::uint32_t i = 0; i < queries; ++i) {
            const std::string query = read_sized_text(data);
            wanted |= query == "base:allocation" || (!set && query == "base:");
        }
        require_end(data);
        Disk& disk = find(name);
        if (wanted) {
            MemoryWriter out;
            write_be<std::uint32_t>(out, set ? allocation_context : 0);
            out.write("base:allocation");
            reply(option, OptionReply::meta_context, out.text());
            context_disk_ = set ? &disk : context_disk_;
        }
    }

    [[nodiscard]] Disk& find(std::string_view name) const {
        Disk* disk = server_.find(name);
        if (disk == nullptr) {
            throw Refusal{OptionReply::unknown};
        }
        return *disk;
    }

    void reply(Option option, OptionReply type, std::string_view data) {
        write_be<std::uint64_t>(out_, option_reply_magic);
        write_be<std::uint32_t>(out_, static_cast<std::uint32_t>(option));
        write_be<std::uint32_t>(out_, static_cast<std::uint32_t>(type));
        write_be<std::uint32_t>(out_, static_cast<std::uint32_t>(data.size()));
        out_.write(data);
    }

    coloop::Writer& client_;
    coloop::BufReader& input_;
    const Server& server_;
    MemoryWriter out_;  // what is sent when an option was answered
    std::vector<std::byte> data_;
    bool greeted_ = false;
    bool no_zeroes_ = false;
    bool structured_ = false;
    bool ended_ = false;
    Disk* disk_ = nullptr;                // chosen
    const Disk* context_disk_ = nullptr;  // which base:allocation was chosen for
};

}  // namespace

std::optional<Agreement> shake_hands(coloop::Writer& client, coloop::BufReader& input,
                                     const Server& server) {
    return Handshake(client, input, server).run();
}

}  // namespace nbd
