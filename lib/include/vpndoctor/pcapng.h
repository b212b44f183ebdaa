// SPDX-License-Identifier: Apache-2.0
// Writes packets as pcapng (draft-ietf-opsawg-pcapng): a section, an interface description for each interface, packets
// with a comment; or as pcap. Returns bytes; who writes them where is not its concern.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "vpndoctor/captured_packet.h"

namespace [[gnu::visibility("default")]] vpndoctor {

/// The section header block, with the name of the program that writes.
std::string pcapng_section(std::string_view application);
/// An interface description block, its time stamps in nanoseconds; an empty name is left out. Interfaces are numbered
/// in the order of their blocks.
std::string pcapng_interface(std::string_view name, int link_type, std::uint32_t snap_bytes);
/// An enhanced packet block. The comment is cut at 1024 bytes; an empty one is left out.
std::string pcapng_packet(std::uint32_t interface, const CapturedPacket& packet, std::string_view comment);

/// The file header of pcap (draft-ietf-opsawg-pcap) with time stamps in nanoseconds.
std::string pcap_file_header(int link_type, std::uint32_t snap_bytes);
/// A packet record of such a file.
std::string pcap_packet(const CapturedPacket& packet);

}  // namespace vpndoctor
