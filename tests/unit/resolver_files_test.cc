// SPDX-License-Identifier: Apache-2.0
// Reading the files of name resolution below a folder that stands for a machine's root.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "dns_sources.h"
#include "handles.h"

namespace vpndoctor {
namespace {

namespace fs = std::filesystem;

class ResolverFiles : public testing::Test {
 protected:
  ResolverFiles() {
    char name[] = "/tmp/vpndoctor-root-XXXXXX";
    root_ = ::mkdtemp(name);
  }
  ~ResolverFiles() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path, std::ios::binary) << text;
  }
  void link(const std::string& path, const std::string& target) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    fs::create_symlink(target, root_ + path);
  }
  DnsConfiguration read() {
    DnsConfiguration dns;
    read_resolver_files(dns, root_);
    return dns;
  }

  std::string root_;
};

TEST_F(ResolverFiles, LinksStayBelowTheRoot) {
  write("/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\nsearch corp.example\n");
  link("/etc/resolv.conf", "/run/systemd/resolve/stub-resolv.conf");
  write("/proc/self/mountinfo",
        "30 22 8:1 /x/resolv.conf /run/systemd/resolve/stub-resolv.conf rw - ext4 /dev/sda1 rw\n");
  const DnsConfiguration dns = read();
  ASSERT_TRUE(dns.resolv_conf);
  EXPECT_TRUE(dns.resolv_conf->exists);
  EXPECT_EQ(dns.resolv_conf->link_target, "/run/systemd/resolve/stub-resolv.conf");
  EXPECT_EQ(dns.resolv_conf->real_path, "/run/systemd/resolve/stub-resolv.conf");
  EXPECT_EQ(dns.resolv_conf->mount_source, "/x/resolv.conf");
  EXPECT_EQ(dns.resolv_conf->search, std::vector<std::string>{"corp.example"});
}

TEST_F(ResolverFiles, NothingThereIsGlibcsDefaults) {
  const DnsConfiguration dns = read();
  ASSERT_TRUE(dns.resolv_conf);
  EXPECT_FALSE(dns.resolv_conf->exists);
  EXPECT_FALSE(dns.resolv_conf->immutable);
  ASSERT_TRUE(dns.name_service_switch);
  EXPECT_TRUE(dns.name_service_switch->is_default);
  EXPECT_EQ(dns.hosts.why_missing(), "there is no /etc/hosts");
  ASSERT_TRUE(dns.name_service_cache);
  EXPECT_FALSE(dns.name_service_cache->runs);
  ASSERT_TRUE(dns.backups);
  EXPECT_TRUE(dns.backups->empty());
}

TEST_F(ResolverFiles, ADanglingLinkIsTold) {
  link("/etc/resolv.conf", "../run/gone");
  const DnsConfiguration dns = read();
  ASSERT_TRUE(dns.resolv_conf);
  EXPECT_FALSE(dns.resolv_conf->exists);
  EXPECT_EQ(dns.resolv_conf->link_target, "../run/gone");
  EXPECT_EQ(dns.resolv_conf->real_path, "");
}

TEST_F(ResolverFiles, WhatCannotBeReadIsMissingWithItsReason) {
  write("/etc/resolv.conf", std::string(70'000, 'x'));
  fs::create_directories(root_ + "/etc/nsswitch.conf");
  ASSERT_EQ(::mkfifo((root_ + "/etc/hosts").c_str(), 0600), 0);
  const DnsConfiguration dns = read();
  EXPECT_EQ(dns.resolv_conf.why_missing(), "/etc/resolv.conf is larger than 64 KiB");
  EXPECT_EQ(dns.name_service_switch.why_missing(), "/etc/nsswitch.conf is no regular file");
  EXPECT_EQ(dns.hosts.why_missing(), "/etc/hosts is no regular file");
}

TEST_F(ResolverFiles, ModulesAreLookedForNotLoaded) {
  write("/etc/nsswitch.conf", "hosts: files resolve ../../x dns gone\n");
  write("/etc/ld.so.conf.d/own.conf", "/opt/lib\n");
  write("/opt/lib/libnss_resolve.so.2", "");
  const DnsConfiguration dns = read();
  ASSERT_TRUE(dns.name_service_switch);
  std::vector<bool> installed;
  for (const NssService& each : dns.name_service_switch->hosts) installed.push_back(each.is_installed.value());
  EXPECT_EQ(installed, (std::vector<bool>{true, true, false, true, false}));
}

TEST_F(ResolverFiles, BackupsNameTheirWriter) {
  write("/etc/resolv.pre-tailscale-backup.conf", "");
  write("/run/vpnc/resolv.conf-backup.123", "");
  link("/var/run", "../run");
  write("/proc/1/comm", "init\n");
  write("/proc/77/comm", "openconnect\n");
  auto dns = read();
  ASSERT_TRUE(dns.backups);
  ASSERT_EQ(dns.backups->size(), 2U);
  EXPECT_EQ((*dns.backups)[0].writer, "Tailscale");
  EXPECT_EQ((*dns.backups)[0].writer_alive, false);
  EXPECT_EQ((*dns.backups)[1].path, "/run/vpnc/resolv.conf-backup.123");
  EXPECT_EQ((*dns.backups)[1].writer_alive, true);
  fs::remove_all(root_ + "/proc/1");
  dns = read();
  EXPECT_EQ((*dns.backups)[0].writer_alive, std::nullopt);
}

TEST_F(ResolverFiles, NscdRunsWhenItsSocketTakesConnections) {
  write("/etc/nscd.conf", "\tenable-cache\t\thosts\t\tyes\n");
  fs::create_directories(root_ + "/run/nscd");
  sockaddr_un place{};
  place.sun_family = AF_UNIX;
  std::strcpy(place.sun_path, (root_ + "/run/nscd/socket").c_str());
  Fd listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&place), sizeof place), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  EXPECT_TRUE(read().name_service_cache->runs);
  EXPECT_TRUE(read().name_service_cache->caches_hosts);
  listener.reset();
  EXPECT_FALSE(read().name_service_cache->runs);
}

TEST_F(ResolverFiles, DropInsMaskEachOtherByName) {
  write("/etc/systemd/resolved.conf", "[Resolve]\nDNS=10.0.0.1\n");
  write("/usr/lib/systemd/resolved.conf", "[Resolve]\nDNS=10.0.0.99\n");
  write("/usr/lib/systemd/resolved.conf.d/10-a.conf", "[Resolve]\nDNS=10.0.0.2\n");
  write("/run/systemd/resolved.conf.d/20-b.conf", "[Resolve]\nDNS=10.0.0.3\n");
  write("/etc/systemd/resolved.conf.d/20-b.conf", "[Resolve]\nDNS=10.0.0.4\n");
  write("/usr/lib/systemd/resolved.conf.d/30-c.conf", "[Resolve]\nDNS=10.0.0.5\n");
  link("/etc/systemd/resolved.conf.d/30-c.conf", "/dev/null");
  write("/usr/local/lib/systemd/resolved.conf.d/05-z.conf", "[Resolve]\nDNS=10.0.0.6\n");
  write("/usr/local/lib/systemd/resolved.conf.d/ignored.txt", "[Resolve]\nDNS=10.0.0.7\n");
  fs::create_directories(root_ + "/dev");
  if (::mknod((root_ + "/dev/null").c_str(), S_IFCHR | 0666, 1 << 8 | 3) != 0) GTEST_SKIP() << "no device can be made";
  const auto settings = read_resolved_settings(root_);
  ASSERT_TRUE(settings.is_complete());
  std::vector<std::string> servers;
  for (const DnsServer& server : settings->dns) servers.push_back(server.to_string());
  EXPECT_EQ(servers, (std::vector<std::string>{"10.0.0.1", "10.0.0.6", "10.0.0.2", "10.0.0.4"}));
  EXPECT_EQ(settings->files,
            (std::vector<std::string>{"/etc/systemd/resolved.conf", "/usr/local/lib/systemd/resolved.conf.d/05-z.conf",
                                      "/usr/lib/systemd/resolved.conf.d/10-a.conf",
                                      "/etc/systemd/resolved.conf.d/20-b.conf"}));
}

TEST_F(ResolverFiles, NetworkdsLinksAreScopes) {
  EXPECT_EQ(read_networkd_scopes({}, root_).why_missing(),
            "systemd-networkd does not run: there is no /run/systemd/netif/links");
  write("/run/systemd/netif/links/7", "ADMIN_STATE=configured\nDNS=10.66.0.1\n");
  write("/run/systemd/netif/links/12", "ADMIN_STATE=configured\nDNS=10.66.0.2\n");
  write("/run/systemd/netif/links/1", "ADMIN_STATE=unmanaged\n");
  write("/run/systemd/netif/links/x", "ADMIN_STATE=configured\n");
  Snapshot snapshot;
  Link tunnel;
  tunnel.index = 7;
  tunnel.name = "tun0";
  snapshot.links = Observed<std::vector<Link>>({tunnel}, "test");
  const auto scopes = read_networkd_scopes(snapshot, root_);
  ASSERT_TRUE(scopes);
  ASSERT_EQ(scopes->size(), 2U);
  EXPECT_EQ((*scopes)[0].interface, "tun0");
  EXPECT_EQ((*scopes)[1].interface_index, 12);
}

}  // namespace
}  // namespace vpndoctor
