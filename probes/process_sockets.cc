// SPDX-License-Identifier: Apache-2.0
// Joins a process's descriptors with the socket tables; see the header.
#include "process_sockets.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <iterator>

#include "parse_number.h"
#include "proc_files.h"

namespace vpndoctor {
namespace {

constexpr std::size_t kTableLimit = 32 << 20;
constexpr unsigned kListen = 10;  // TCP_LISTEN of net/tcp_states.h

/// "0100007F:0035": each 32-bit word of the address as a number in the host's order, the port as a plain one.
bool take_endpoint(std::string_view text, IpAddress& address, std::uint16_t& port) {
  const auto colon = text.find(':');
  if (colon != 8 && colon != 32) return false;
  std::array<std::byte, 16> bytes{};
  for (std::size_t word = 0; word < colon / 8; ++word) {
    const auto value = parse_number<std::uint32_t>(text.substr(word * 8, 8), 16);
    if (!value) return false;
    std::memcpy(bytes.data() + word * 4, &*value, 4);
  }
  const auto number = parse_number<std::uint16_t>(text.substr(colon + 1), 16);
  if (!number) return false;
  address = unmapped(*IpAddress::from_bytes(std::span(bytes).first(colon / 2)));
  port = *number;
  return true;
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> fields;
  while (true) {
    const auto begin = line.find_first_not_of(' ');
    if (begin == std::string_view::npos) return fields;
    line.remove_prefix(begin);
    const auto end = line.find(' ');
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end == std::string_view::npos ? line.size() : end);
  }
}

/// Fields: slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode.
std::optional<InternetSocket> parse_line(std::string_view line, bool tcp) {
  const auto fields = fields_of(line);
  if (fields.size() < 10) return std::nullopt;
  InternetSocket socket;
  socket.tcp = tcp;
  const auto inode = parse_number<std::uint64_t>(fields[9]);
  if (!inode || !take_endpoint(fields[1], socket.local, socket.local_port) ||
      !take_endpoint(fields[2], socket.remote, socket.remote_port)) {
    return std::nullopt;
  }
  socket.inode = *inode;
  socket.listening = tcp && parse_number<unsigned>(fields[3], 16) == kListen;
  return socket;
}

}  // namespace

IpAddress unmapped(const IpAddress& address) {
  constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (address.family == Family::kInet || !std::ranges::equal(address.octets().first(12), kMapped)) return address;
  return *IpAddress::from_bytes(std::as_bytes(address.octets().subspan(12)));
}

std::vector<InternetSocket> parse_socket_table(std::string_view text, bool tcp) {
  std::vector<InternetSocket> sockets;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (const auto socket = parse_line(text.substr(0, end), tcp)) sockets.push_back(*socket);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return sockets;
}

std::vector<InternetSocket> read_socket_tables(const std::string& process) {
  std::vector<InternetSocket> sockets;
  for (const char* table : {"udp", "udp6", "tcp", "tcp6"}) {
    const auto text = read_small_file(fmt::format("/proc/{}/net/{}", process, table), kTableLimit);
    if (text) std::ranges::move(parse_socket_table(*text, table[0] == 't'), std::back_inserter(sockets));
  }
  return sockets;
}

std::optional<std::set<std::uint64_t>> socket_inodes(pid_t pid) {
  const std::string process = fmt::format("/proc/{}", pid);
  const auto descriptors = directory_entries(process + "/fd");
  if (!descriptors) return std::nullopt;
  std::set<std::uint64_t> inodes;
  for (const std::string& descriptor : *descriptors) {
    const std::string target = link_target(process + "/fd/" + descriptor);
    if (target.empty() && !has_ended(errno)) return std::nullopt;
    if (!target.starts_with("socket:[") || !target.ends_with(']')) continue;
    const auto inode = parse_number<std::uint64_t>(std::string_view(target).substr(8, target.size() - 9));
    if (inode) inodes.insert(*inode);
  }
  return inodes;
}

std::optional<std::vector<InternetSocket>> process_sockets(pid_t pid) {
  const auto inodes = socket_inodes(pid);
  if (!inodes) return std::nullopt;
  std::vector<InternetSocket> sockets = read_socket_tables(std::to_string(pid));
  std::erase_if(sockets, [&](const InternetSocket& socket) { return !inodes->contains(socket.inode); });
  return sockets;
}

}  // namespace vpndoctor
