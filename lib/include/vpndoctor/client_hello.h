// SPDX-License-Identifier: Apache-2.0
// The bytes that make a TCP server talk: a TLS ClientHello, an SSH identification line, an HTTP request; and filler
// that such a server takes in without a word. Bytes only: no cryptography, no secrets, no sockets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace [[gnu::visibility("default")]] vpndoctor {

/// Builds one TLS record with a ClientHello that offers TLS 1.2 and 1.3 (RFC 8446 section 4.1.2), below 512 bytes
/// for names of up to 200 characters. `server_name` becomes the SNI (RFC 6066 section 3); empty, or too long for a
/// host name (253): none. The key shares are the curves' base points: whatever would be encrypted with them is for
/// nobody.
std::vector<std::byte> client_hello(std::string_view server_name, const std::array<std::uint8_t, 32>& random);

/// What a port is spoken to with.
enum class Dialogue { kTls, kSsh, kHttp };

/// Picks the dialogue from what the server said by itself (may be empty) and the port number: SSH when it greets with
/// "SSH-" or the port is 22, HTTP on 80 and 8080, else TLS.
Dialogue choose_dialogue(std::uint16_t port, std::string_view greeting);

/// Builds the first message: small enough for any path, made to be answered with more than a segment.
std::vector<std::byte> opening_message(Dialogue dialogue, std::string_view server_name,
                                       const std::array<std::uint8_t, 32>& random);

/// Builds `size` bytes that begin a message and never end it, so that the server waits for the rest instead of
/// hanging up: a TLS record (of the type that the version in `reply` expects next), an SSH packet, an HTTP header.
/// Empty when the protocol has no message that is longer than `size`.
std::vector<std::byte> unfinished_message(Dialogue dialogue, std::string_view reply, std::size_t size);

/// Returns the longest unfinished message of a dialogue in bytes.
std::size_t longest_unfinished_message(Dialogue dialogue);

}  // namespace vpndoctor
