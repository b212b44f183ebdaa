// SPDX-License-Identifier: Apache-2.0
// The registry's rows of what asking DNS servers shows. Ordered by code; a retired code keeps its row so that its
// number is never reused.
#pragma once

#include <array>

#include "vpndoctor/codes.h"

namespace vpndoctor {

inline constexpr auto kDnsWireCodes = std::to_array<CodeEntry>({
    {"DNS030", "dns-ways-disagree", Severity::kError, "The same name has different answers on different ways",
     "The name was looked up by the C library, by systemd-resolved's stub, and at each server that the configuration "
     "sends it to, and they do not agree: \"nslookup works but ping does not\", or the reverse. It is a warning when "
     "programs find the name and a server does not, when two servers for the same name contradict each other, or when "
     "a "
     "private address is among different ones; a notice when all addresses are public, as large services have them, or "
     "when the name is in /etc/hosts. Servers whose domains the name does not lie below are not expected to know it. "
     "Remedy: vpndoctor dns explain NAME says which rule leads each program where."},
    {"DNS031", "dns-server-silent", Severity::kWarning, "A DNS server does not answer",
     "Neither UDP, asked twice with EDNS and twice without, nor TCP got an answer. The first server of resolv.conf "
     "costs every look-up the time that glibc waits for it, 5 s unless the file says otherwise. It is an error when no "
     "other server of its scope answers. Remedy: start the VPN that the server belongs to, or take the server out of "
     "the configuration."},
    {"DNS032", "dns-fragments-lost", Severity::kWarning, "Large DNS answers get lost on the way",
     "With a large EDNS size the server stays silent, twice, while it answers with a smaller one and over TCP: the "
     "large answer is sent in fragments, and these are dropped on the way, often because the tunnel's MTU is smaller "
     "than the server knows. Look-ups of such names wait in vain before they are repeated. Only sizes that the "
     "server's "
     "answer exceeds are judged. Remedy: vpndoctor mtu SERVER finds the place; smaller EDNS sizes avoid it."},
    {"DNS033", "dns-intercepted", Severity::kWarning, "Port 53 is intercepted",
     "A question that was sent to an address of the documentation (RFC 5737, RFC 3849), where nobody can be, was "
     "answered. So somebody on the way answers in the place of every server, sees all names, and can change what they "
     "lead to. Silence proves nothing. It is a notice inside a tunnel: many VPNs do it on purpose. Only with "
     "--hijack-test. Remedy: resolve names through the VPN, or over TLS."},
    {"DNS034", "dns-answers-injected", Severity::kError, "Somebody injects DNS answers",
     "One question to one server got two answers with different content, from the same address. Honest servers answer "
     "once; who wants to change where names lead answers faster than they do. Remedy: resolve names through the VPN, "
     "or "
     "over TLS."},
    {"DNS035", "dns-first-server-denies", Severity::kError,
     "The first server's \"no such name\" hides another's answer",
     "The first server of resolv.conf says that the name does not exist, and glibc takes that as final: only silence, "
     "SERVFAIL and REFUSED make it ask the next one. A server further down, or that of the VPN, knows the name. It is "
     "a "
     "warning when only a server that was named on the command line knows it. Remedy: split DNS (systemd-resolved or "
     "dnsmasq), or the VPN's server first in resolv.conf."},
    {"DNS036", "dns-tcp-refused", Severity::kWarning, "A DNS server does not answer over TCP",
     "Its answer over UDP is truncated, or larger than the 512 bytes that programs without EDNS take, and TCP to the "
     "same port gets no answer. What is truncated cannot be fetched. It is an error when the answer was truncated. "
     "Remedy: let TCP to port 53 through."},
});

}  // namespace vpndoctor
