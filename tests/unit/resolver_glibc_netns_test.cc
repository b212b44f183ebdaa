// SPDX-License-Identifier: Apache-2.0
// resolv.conf, nsswitch.conf and hosts against glibc itself: random files are put over those of /etc in a mount
// namespace of the test's own, and what the C library makes of each must be what the parsers say.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netdb.h>
#include <resolv.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "unit/in_namespace.h"
#include "vpndoctor/resolver_text.h"

namespace vpndoctor {
namespace {

using testing_support::in_network_namespace;

/// A file that lies over one of /etc while the test's mount namespace lives.
class FileOver {
 public:
  explicit FileOver(const std::string& place) {
    char name[] = "/dev/shm/vpndoctor-over-XXXXXX";
    fd_ = ::mkstemp(name);
    EXPECT_GE(fd_, 0);
    EXPECT_EQ(::mount(name, place.c_str(), nullptr, MS_BIND, nullptr), 0) << place << ": " << std::strerror(errno);
    ::unlink(name);
  }
  ~FileOver() { ::close(fd_); }
  FileOver(const FileOver&) = delete;
  FileOver& operator=(const FileOver&) = delete;

  /// Writes the file anew. Its time is one that it never had, since glibc looks at no more than that.
  void write(std::string_view text) {
    ASSERT_EQ(::ftruncate(fd_, 0), 0);
    ASSERT_EQ(::pwrite(fd_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    const timespec time{1'000'000'000 + ++writes_, 0};
    const timespec times[] = {time, time};
    ASSERT_EQ(::futimens(fd_, times), 0);
  }

 private:
  int fd_ = -1;
  long writes_ = 0;
};

/// Goes into a mount and UTS namespace of the test's own, where nothing that is mounted leaves.
bool enter_private_files() {
  return ::unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0 &&
         ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

bool is_glibc_of_debian_12() { return std::string_view(::gnu_get_libc_version()) == "2.36"; }

class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  bool chance(unsigned one_in) { return below(one_in) == 0; }
  template <std::size_t kCount>
  std::string_view one_of(const std::array<std::string_view, kCount>& pieces) {
    return pieces[below(kCount)];
  }
  template <std::size_t kCount>
  std::string some_of(const std::array<std::string_view, kCount>& pieces, std::uint64_t most) {
    std::string text;
    for (auto left = below(most + 1); left > 0; --left) text += one_of(pieces);
    return text;
  }

 private:
  std::mt19937_64 random_;
};

constexpr std::array<std::string_view, 9> kBlankPieces = {" ", " ", " ", " ", "\t", "  ", " \t ", "", "\r"};
constexpr std::array<std::string_view, 8> kEnds = {"\n", "\n", "\n", "\n", " \n", "\r\n", " # x\n", ";\n"};
// Without sortlist: a word of it that ends with a byte beyond ASCII, or with the "\r" of a file of Windows, keeps glibc
// 2.36 in a loop for ever.
constexpr std::array<std::string_view, 13> kKeywords = {"nameserver",  "nameserver", "nameserver", "search", "search",
                                                        "domain",      "options",    "options",    "#",      ";",
                                                        " nameserver", "Search",     "nameserverx"};
constexpr std::array<std::string_view, 30> kAddresses = {
    "10.0.0.1",     "192.0.2.53",    "127.0.0.53",     "10.1",       "1",         "0x7f.1",
    "010.1.2.3",    "08.1.1.1",      "1.2.3.4.5",      "256.1.1.1",  "1.2.65535", "1.2.3.256",
    "1.2.65536",    "4294967295",    "4294967296",     "0x",         "0x.1",      "1.2.3.",
    "+1.2.3.4",     "::1",           "2001:db8::1",    "fe80::1%lo", "fe80::1%1", "fe80::1%",
    "fe80::1%nope", "2001:db8::1%3", "::ffff:1.2.3.4", "ff02::1%lo", "1::2::3",   "resolver"};
constexpr std::array<std::string_view, 16> kNames = {
    "corp.example", "Corp.Example.", ".", "..",  ".x", "a",         "b.c", "local",
    "\xc3\xbc.de",  "a\\046b",       "#", "x;y", "-",  "home.arpa", "1",   "\x1b[31m"};
constexpr std::array<std::string_view, 34> kOptions = {"rotate",
                                                       "rotateXYZ",
                                                       "Rotate",
                                                       "edns0",
                                                       "edns",
                                                       "single-request",
                                                       "single-request-reopen",
                                                       "single-requestx",
                                                       "no_tld_query",
                                                       "no-tld-query",
                                                       "no-reload",
                                                       "use-vc",
                                                       "trust-ad",
                                                       "trust-adx",
                                                       "no-aaaa",
                                                       "inet6",
                                                       "debug",
                                                       "ndots:2",
                                                       "ndots:99",
                                                       "ndots:-1",
                                                       "ndots:",
                                                       "ndots: 3",
                                                       "ndots:4294967297",
                                                       "ndots:99999999999999999999",
                                                       "ndots:+5x",
                                                       "timeout:1",
                                                       "timeout:31",
                                                       "timeout:0",
                                                       "timeout:-2",
                                                       "timeout:x",
                                                       "attempts:1",
                                                       "attempts:6",
                                                       "attempts:-9223372036854775809",
                                                       "attempts:\v4"};

std::string random_resolv_conf(RandomText& random) {
  std::string text;
  for (auto lines = random.below(9); lines > 0; --lines) {
    const std::string_view keyword = random.one_of(kKeywords);
    text += keyword;
    for (auto words = random.below(5); words > 0; --words) {
      text += random.one_of(kBlankPieces);
      text += keyword == "nameserver" ? random.one_of(kAddresses)
              : keyword == "options"  ? random.one_of(kOptions)
                                      : random.one_of(kNames);
    }
    text += random.one_of(kEnds);
  }
  if (random.chance(10)) text.insert(random.below(text.size() + 1), 1, '\0');
  if (random.chance(4) && !text.empty()) text.pop_back();
  return text.empty() ? "\n" : text;  // glibc takes all empty files for one
}

std::optional<std::string> random_environment(RandomText& random, bool is_options) {
  if (!random.chance(4)) return std::nullopt;
  std::string value;
  for (auto words = random.below(4); words > 0; --words) {
    value += is_options ? random.one_of(kOptions) : random.one_of(kNames);
    value += random.chance(10) ? "\n" : random.one_of(kBlankPieces);
  }
  return value;
}

void set_variable(const char* name, const std::optional<std::string>& value) {
  if (value) {
    ::setenv(name, value->c_str(), 1);
  } else {
    ::unsetenv(name);
  }
}

/// What glibc has as a server, or what it should have.
struct SocketAddress {
  std::string address;
  std::uint32_t scope = 0;
  bool operator==(const SocketAddress&) const = default;
};
void PrintTo(const SocketAddress& address, std::ostream* out) { *out << address.address << '%' << address.scope; }

std::string text_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, address, text.data(), text.size());
}

std::vector<SocketAddress> servers_of(const struct __res_state& state) {
  std::vector<SocketAddress> servers;
  for (int i = 0; i < state.nscount; ++i) {
    const sockaddr_in6* wide = state._u._ext.nsaddrs[i];
    if (state.nsaddr_list[i].sin_family == AF_INET) {
      servers.push_back({text_of(AF_INET, &state.nsaddr_list[i].sin_addr), 0});
    } else if (wide != nullptr) {
      servers.push_back({text_of(AF_INET6, &wide->sin6_addr), wide->sin6_scope_id});
    }
  }
  return servers;
}

std::uint32_t scope_of(const DnsServer& server) {
  const bool is_of_link = server.address.is_link_local() || server.address.is_multicast();
  if (const unsigned index = is_of_link ? ::if_nametoindex(server.zone.c_str()) : 0) return index;
  const bool is_number = !server.zone.empty() && server.zone.find_first_not_of("0123456789") == std::string::npos;
  const unsigned long number = is_number ? std::stoul(server.zone) : 0;
  return number > UINT32_MAX ? 0 : static_cast<std::uint32_t>(number);
}

std::vector<SocketAddress> servers_of(const ResolvConf& file) {
  std::vector<SocketAddress> servers;
  for (const DnsServer& server : file.used_servers) {
    const int family = server.address.family == Family::kInet ? AF_INET : AF_INET6;
    servers.push_back({text_of(family, server.address.octets().data()), scope_of(server)});
  }
  return servers;
}

std::vector<std::string> search_of(const struct __res_state& state) {
  std::vector<std::string> search;
  for (const char* name : state.dnsrch) {
    if (name == nullptr) break;
    search.push_back(canonical_dns_name(name[0] == '.' ? name + 1 : name));
  }
  return search;
}

/// _res has room for six names.
std::vector<std::string> first_six(std::vector<std::string> names) {
  names.resize(std::min<std::size_t>(names.size(), MAXDNSRCH));
  return names;
}

void expect_same(const ResolvConf& file, const struct __res_state& state, const std::string& text) {
  EXPECT_EQ(servers_of(file), servers_of(state)) << text;
  EXPECT_EQ(first_six(file.used_search), search_of(state)) << text;
  EXPECT_EQ(file.ndots, state.ndots) << text;
  EXPECT_EQ(static_cast<int>(file.timeout_seconds), std::max(0, state.retrans)) << text;
  EXPECT_EQ(static_cast<int>(file.attempts), std::max(0, state.retry)) << text;
  const auto has = [&state](unsigned long flags) { return (state.options & flags) != 0; };
  EXPECT_EQ(file.rotate, has(RES_ROTATE)) << text;
  EXPECT_EQ(file.edns0, has(RES_USE_EDNS0)) << text;
  EXPECT_EQ(file.use_tcp, has(RES_USEVC)) << text;
  EXPECT_EQ(file.single_request, has(RES_SNGLKUP | RES_SNGLKUPREOP)) << text;
  EXPECT_EQ(file.no_tld_query, has(RES_NOTLDQUERY)) << text;
  EXPECT_EQ(file.trust_ad, has(RES_TRUSTAD)) << text;
  EXPECT_EQ(file.no_aaaa, has(RES_NOAAAA)) << text;
}

TEST(ResolvConfFile, IsReadAsGlibcReadsIt) {
  if (!is_glibc_of_debian_12()) GTEST_SKIP() << "glibc is not 2.36";
  in_network_namespace([] {
    ASSERT_TRUE(enter_private_files());
    FileOver file("/etc/resolv.conf");
    RandomText random(1);
    for (int round = 0; round < 20'000 && !testing::Test::HasFailure(); ++round) {
      const std::string text = random_resolv_conf(random);
      ResolverEnvironment environment;
      environment.local_domain = random_environment(random, false);
      environment.res_options = random_environment(random, true);
      environment.host_name =
          random.one_of(std::array<std::string_view, 4>{"host", "host.Lan.Example", "host.", "a.b"});
      ::sethostname(environment.host_name.c_str(), environment.host_name.size());
      set_variable("LOCALDOMAIN", environment.local_domain);
      set_variable("RES_OPTIONS", environment.res_options);
      file.write(text);
      struct __res_state state{};
      ASSERT_EQ(::res_ninit(&state), 0);
      expect_same(parse_resolv_conf(text, environment), state, text);
      ::res_nclose(&state);
    }
  });
}

constexpr std::array<std::string_view, 5> kHostNames = {"alpha", "beta.example", "Gamma", "delta;x", "eps\xc3\xbc"};
constexpr std::array<std::string_view, 14> kHostAddresses = {
    "10.0.0.1",       "10.0.0.2", "10.1",       "127.0.0.1", "::1",      "2001:db8::1", "2001:DB8::2",
    "::ffff:1.2.3.4", "fe80::1",  "fe80::2%lo", "1.2.3.256", "01.2.3.4", "alpha",       "#10.0.0.3"};
constexpr std::array<std::string_view, 8> kWhitePieces = {" ", "\t", "  ", "\v", "\f", "\r", " \t", " "};

std::string random_hosts(RandomText& random) {
  std::string text;
  for (auto lines = random.below(8); lines > 0; --lines) {
    // A last line without an end that begins with white space gets its last bytes twice from glibc (nss_readline.c).
    if (lines > 1 && random.chance(4)) text += random.one_of(kWhitePieces);
    text += random.one_of(kHostAddresses);
    for (auto names = random.below(4); names > 0; --names) {
      text += random.one_of(kWhitePieces);
      if (random.chance(8)) text += '#';
      text += random.one_of(kHostNames);
    }
    text += random.one_of(std::array<std::string_view, 5>{"\n", "\n", "\r\n", " \n", "# alpha\n"});
  }
  if (random.chance(4) && !text.empty()) text.pop_back();
  return text;
}

std::set<std::string> addresses_by_glibc(const std::string& name) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  std::set<std::string> addresses;
  if (::getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return addresses;
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owned(found, ::freeaddrinfo);
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    const auto* in4 = reinterpret_cast<const sockaddr_in*>(each->ai_addr);
    const auto* in6 = reinterpret_cast<const sockaddr_in6*>(each->ai_addr);
    addresses.insert(each->ai_family == AF_INET ? text_of(AF_INET, &in4->sin_addr)
                                                : text_of(AF_INET6, &in6->sin6_addr));
  }
  return addresses;
}

std::set<std::string> addresses_by_parser(const std::vector<HostsEntry>& entries, std::string_view name) {
  std::set<std::string> addresses;
  for (const HostsEntry& entry : entries) {
    const int family = entry.address.family == Family::kInet ? AF_INET : AF_INET6;
    const bool has_name = std::ranges::find(entry.names, canonical_dns_name(name)) != entry.names.end();
    if (has_name) addresses.insert(text_of(family, entry.address.octets().data()));
  }
  return addresses;
}

TEST(HostsFile, IsReadAsGlibcReadsIt) {
  in_network_namespace([] {
    ASSERT_TRUE(enter_private_files());
    ::setenv("RESOLV_MULTI", "on", 1);
    FileOver("/etc/nsswitch.conf").write("hosts: files\n");
    FileOver file("/etc/hosts");
    RandomText random(2);
    for (int round = 0; round < 4000 && !testing::Test::HasFailure(); ++round) {
      const std::string text = random_hosts(random);
      file.write(text);
      const std::vector<HostsEntry> entries = parse_hosts(text);
      for (const std::string_view name : kHostNames) {
        EXPECT_EQ(addresses_by_parser(entries, name), addresses_by_glibc(std::string(name)))
            << name << " in\n"
            << testing::PrintToString(text);
      }
    }
  });
}

constexpr std::array<std::string_view, 26> kSwitchPieces = {"files",
                                                            "files",
                                                            "nope",
                                                            "nope",
                                                            "gone",
                                                            " ",
                                                            " ",
                                                            " ",
                                                            "\t",
                                                            "[",
                                                            "]",
                                                            "!",
                                                            "=",
                                                            "[NOTFOUND=return]",
                                                            "[!UNAVAIL=return]",
                                                            "[unavail=continue]",
                                                            "[SUCCESS=continue]",
                                                            "[ notfound = Return ]",
                                                            "[!NOTFOUND=return UNAVAIL=continue]",
                                                            "[TRYAGAIN=return]",
                                                            "[FOO=return]",
                                                            "[NOTFOUND=merge]",
                                                            "\r",
                                                            "#",
                                                            ":",
                                                            "\v"};
constexpr std::array<std::string_view, 9> kDatabasePieces = {
    "hosts:", "hosts:", "hosts :", "hosts", " hosts:", "#hosts:", "passwd:", "other:", "Hosts:"};

std::string random_nsswitch(RandomText& random) {
  std::string text;
  for (auto lines = 1 + random.below(3); lines > 0; --lines) {
    text += random.one_of(kDatabasePieces);
    text += random.some_of(kSwitchPieces, 8);
    text += '\n';
  }
  if (random.chance(10)) text.insert(random.below(text.size() + 1), 1, '\0');
  if (random.chance(6)) text.pop_back();
  return text;
}

/// Whether a look-up ends with success. "files" finds or does not; the other modules are not there, and then what was
/// found before them stands (nss/XXX-lookup.c, __nss_next2()).
bool finds(const NameServiceSwitch& names, bool is_in_files) {
  bool found = false;
  for (const NssService& service : names.hosts) {
    if (service.name == "files") {
      found = is_in_files;
      if (found ? service.return_on_success : service.return_on_not_found) break;
    } else if (service.return_on_unavailable) {
      break;
    }
  }
  return found;
}

/// glibc 2.36 may crash on one.
bool is_line_without_services(const NameServiceSwitch& names) {
  return names.hosts.empty() &&
         std::ranges::find(names.faults, "the hosts line names no service: glibc finds no name") != names.faults.end();
}

TEST(NsswitchFile, IsReadAsGlibcReadsIt) {
  if (!is_glibc_of_debian_12()) GTEST_SKIP() << "glibc is not 2.36";
  in_network_namespace([] {
    ASSERT_TRUE(enter_private_files());
    FileOver hosts("/etc/hosts");
    hosts.write("10.9.9.9 there.example\n");
    FileOver file("/etc/nsswitch.conf");
    FileOver("/etc/resolv.conf").write("options timeout:1 attempts:1\n");
    RandomText random(3);
    int refused = 0;
    int found = 0;
    for (int round = 0; round < 20'000 && !testing::Test::HasFailure(); ++round) {
      const std::string text = random_nsswitch(random);
      const NameServiceSwitch names = parse_nsswitch(text);
      if (std::ranges::any_of(names.hosts, &NssService::merge_on_success) || is_line_without_services(names)) continue;
      file.write(text);
      EXPECT_EQ(finds(names, true), ::gethostbyname("there.example") != nullptr) << text;
      refused += names.hosts.empty() ? 1 : 0;
      found += finds(names, true) ? 1 : 0;
    }
    EXPECT_GT(refused, 1000);
    EXPECT_GT(found, 1000);
  });
}

}  // namespace
}  // namespace vpndoctor
