// SPDX-License-Identifier: Apache-2.0
// DNS messages as bytes (RFC 1035 section 4, RFC 6891): builds a question and decodes a reply. Every input is hostile.
// Knows nothing of sockets, of servers, or of what an answer means.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vpndoctor/ip.h"

namespace [[gnu::visibility("default")]] vpndoctor {

inline constexpr std::uint16_t kDnsClassIn = 1;
inline constexpr std::uint16_t kDnsClassChaos = 3;

/// Response codes (RFC 1035 section 4.1.1, RFC 6895 section 2.3).
enum DnsRcode : unsigned {
  kDnsNoError = 0,
  kDnsFormatError = 1,
  kDnsServerFailure = 2,
  kDnsNoSuchName = 3,
  kDnsNotImplemented = 4,
  kDnsRefused = 5,
  kDnsBadVersion = 16,
};
std::string dns_rcode_name(unsigned rcode);  ///< "NOERROR", "NXDOMAIN", ..., "RCODE4000"

/// A question to be sent.
struct DnsQuestionMessage {
  std::uint16_t id = 0;
  std::string name;  ///< as in a zone file, with escapes ("a\.b", "\009"); the dot at the end may be missing
  std::uint16_t type = 1;
  std::uint16_t dns_class = kDnsClassIn;
  bool recursion_desired = true;
  std::optional<std::uint16_t> edns_bytes;  ///< the largest UDP reply that is taken; null: no EDNS
  bool asks_server_id = false;              ///< NSID (RFC 5001); needs EDNS
};

/// Builds the message, without the two bytes of length that TCP puts before it; nullopt when the name is none.
std::optional<std::vector<std::byte>> encode_dns_question(const DnsQuestionMessage& question);

/// Returns the name as it is on the wire (uncompressed, RFC 1035 section 3.1); nullopt when a label is empty or longer
/// than 63 bytes, the name longer than 255, or an escape wrong.
std::optional<std::vector<std::byte>> encode_dns_name(std::string_view name);

/// One record of a reply. Names are text as in a zone file, escaped, without the dot at the end; the root is ".".
struct DnsRecord {
  std::string name;
  std::uint16_t type = 0;
  std::uint16_t dns_class = kDnsClassIn;
  std::uint32_t ttl_seconds = 0;
  std::string text;                  ///< its data as a zone file has it; types not known as in RFC 3597
  std::optional<IpAddress> address;  ///< of A and AAAA
  std::vector<std::string> strings;  ///< of TXT: each as its raw bytes
  bool operator==(const DnsRecord&) const = default;
};

/// What a server says of itself beyond the first 512 bytes (RFC 6891 section 6.1).
struct DnsExtension {
  std::uint16_t udp_bytes = 0;  ///< the largest UDP message that it takes
  std::uint8_t version = 0;
  bool dnssec_ok = false;
  std::string server_id;  ///< NSID, raw bytes; empty: none was sent
  bool operator==(const DnsExtension&) const = default;
};

/// A decoded message.
struct DnsMessage {
  std::uint16_t id = 0;
  bool is_reply = false;
  std::uint8_t opcode = 0;
  bool authoritative = false;
  bool truncated = false;
  bool recursion_desired = false;
  bool recursion_available = false;
  unsigned rcode = 0;  ///< with the upper bits of EDNS
  /// The only question; null when there is none. More than one is nothing that a resolver's reply has.
  struct Question {
    std::string name;
    std::uint16_t type = 0;
    std::uint16_t dns_class = 0;
    bool operator==(const Question&) const = default;
  };
  std::optional<Question> question;
  std::vector<DnsRecord> answers;
  std::vector<DnsRecord> authorities;
  std::vector<DnsRecord> additional;  ///< without OPT
  std::optional<DnsExtension> extension;
  bool is_cut =
      false;  ///< records are missing that the header counts; only taken when the message says it is truncated
  bool operator==(const DnsMessage&) const = default;
};

/// Decodes a message of at most 65,535 bytes. nullopt when it is none: a header cut short, a name that points forwards
/// or in a circle or is too long, data that does not fit its type, more than one question or OPT record. Bytes behind
/// the last record are let pass, as resolvers do.
std::optional<DnsMessage> decode_dns_message(std::span<const std::byte> bytes);

/// True when `reply` is one to `question`: its id, name (letter case aside), type and class. A reply that refuses the
/// question as malformed or not implemented may leave it out.
bool is_reply_to(const DnsMessage& reply, const DnsQuestionMessage& question);

/// Returns the addresses of the question's type (A or AAAA) that the answer gives the name, along its CNAMEs, in order.
std::vector<IpAddress> answered_addresses(const DnsMessage& message);

/// A name in a message, and where what comes behind it begins.
struct DnsNameInMessage {
  std::string name;
  std::size_t next = 0;
};
/// Reads the name at `offset`: pointers lead strictly backwards, at most 127 of them, at most 255 bytes in all.
std::optional<DnsNameInMessage> decode_dns_name(std::span<const std::byte> message, std::size_t offset);

}  // namespace vpndoctor
