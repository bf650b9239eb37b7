// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <coloop/descriptor.hpp>

#include "support/shell.hpp"

namespace coloop {

/// A terminal, and who sits at it.
class Pty {
public:
    Pty() : master_(posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)) {
        REQUIRE(master_ >= 0);
        REQUIRE(grantpt(master_) == 0);
        REQUIRE(unlockpt(master_) == 0);
        path_ = ptsname(master_);
        terminal_ = open(path_.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC);
        REQUIRE(terminal_ >= 0);
    }

    Pty(const Pty&) = delete;
    Pty& operator=(const Pty&) = delete;

    ~Pty() {
        hang_up();
        close(terminal_);
    }

    [[nodiscard]] int number() const { return terminal_; }

    [[nodiscard]] NativeDescriptor terminal() const { return NativeDescriptor{terminal_}; }

    [[nodiscard]] const std::string& path() const { return path_; }

    void type(std::string_view keys) const {
        REQUIRE(write(master_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size()));
    }

    /// What it shows next; waits for so many characters, which may come bit by bit.
    [[nodiscard]] std::string shown(std::size_t size) const {
        std::string text(size, '\0');
        for (std::size_t done = 0; done < size;) {
            const ssize_t count = read(master_, text.data() + done, size - done);
            REQUIRE(count > 0);
            done += static_cast<std::size_t>(count);
        }
        return text;
    }

    void resize(unsigned short columns, unsigned short rows) const {
        const winsize size{rows, columns, 0, 0};
        REQUIRE(ioctl(master_, TIOCSWINSZ, &size) == 0);
    }

    void hang_up() {
        if (master_ >= 0) {
            close(std::exchange(master_, -1));
        }
    }

    /// What stty says of a setting: "icanon" or "-icanon".
    [[nodiscard]] std::string setting(const std::string& name) const {
        const std::string all = ' ' + shell("stty -F " + path_ + " -a | tr '\\n;' '  '") + ' ';
        return all.find(" -" + name + ' ') != std::string::npos  ? '-' + name
               : all.find(' ' + name + ' ') != std::string::npos ? name
                                                                 : "unknown";
    }

private:
    int master_;
    int terminal_ = -1;
    std::string path_;
};

}  // namespace coloop
