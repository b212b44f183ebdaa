// SPDX-License-Identifier: Apache-2.0
// Fills a routing table over netlink, many routes a message batch: a million in about six seconds. Only inside a
// network namespace of the test's own.
#pragma once

#include <cstdint>
#include <string>

namespace vpndoctor::testing_support {

/// Makes a pair of interfaces `big0` and `big1`, up, `big0` with 10.255.0.1/24, for install_routes() to use. False when
/// that is not possible here.
bool make_big_interface();

/// Adds `count` IPv4 routes of 24 bits from 16.0.0.0/24 upwards (at most 2^22) through 10.255.0.2 and `interface` to
/// the main table. Returns what failed; empty when nothing did.
std::string install_routes(std::uint32_t count, const std::string& interface = "big0");

}  // namespace vpndoctor::testing_support
