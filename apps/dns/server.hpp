// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include <coloop/coloop.hpp>

#include "service.hpp"

/// Answers datagrams until it is cancelled, and then those that wait for an upstream, for as long
/// as `grace`. What can be said at once is said in one go for all datagrams that are there.
void serve_udp(coloop::UdpSocket& socket, Service& service, std::chrono::milliseconds grace);

/// Answers the queries of one connection, each as soon as its answer is there, until the client
/// ends or says nothing for as long as `idle`.
void serve_tcp(coloop::TcpStream client, Service& service, std::chrono::milliseconds idle);
