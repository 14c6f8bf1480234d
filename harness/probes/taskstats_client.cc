#include "harness/probes/taskstats_client.h"

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/taskstats.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace crossover {
namespace {

constexpr size_t Aligned(size_t length) {
  return (length + NLA_ALIGNTO - 1) & ~size_t{NLA_ALIGNTO - 1};
}

constexpr size_t kHeadersBytes = sizeof(nlmsghdr) + sizeof(genlmsghdr);

struct Request {
  nlmsghdr header{};
  genlmsghdr generic{};
  nlattr attribute{};
  std::byte value[64]{};
};

}  // namespace

std::optional<std::span<const std::byte>> FindNetlinkAttribute(
    std::span<const std::byte> attributes, uint16_t type) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr attribute;
    std::memcpy(&attribute, attributes.data(), sizeof attribute);
    if (attribute.nla_len < sizeof attribute || attribute.nla_len > attributes.size()) break;
    if ((attribute.nla_type & NLA_TYPE_MASK) == type) {
      return attributes.subspan(sizeof attribute, attribute.nla_len - sizeof attribute);
    }
    attributes = attributes.subspan(std::min(Aligned(attribute.nla_len), attributes.size()));
  }
  return std::nullopt;
}

std::optional<GroupStats> ParseTaskstats(std::span<const std::byte> payload) {
  // nivcsw is the last of the fields that are used.
  if (payload.size() < offsetof(taskstats, nivcsw) + sizeof(taskstats::nivcsw)) {
    return std::nullopt;
  }
  taskstats stats{};
  std::memcpy(&stats, payload.data(), std::min(payload.size(), sizeof stats));
  return GroupStats{.cpu_ns = static_cast<double>(stats.cpu_run_virtual_total),
                    .wait_ns = static_cast<double>(stats.cpu_delay_total),
                    .dispatches = static_cast<double>(stats.cpu_count),
                    .user_ticks_us = static_cast<double>(stats.ac_utime),
                    .kernel_ticks_us = static_cast<double>(stats.ac_stime),
                    .voluntary_switches = static_cast<double>(stats.nvcsw),
                    .involuntary_switches = static_cast<double>(stats.nivcsw)};
}

std::optional<std::span<const std::byte>> TaskstatsClient::Ask(uint16_t type, uint8_t command,
                                                               uint16_t attribute,
                                                               std::span<const std::byte> value,
                                                               std::string& why) {
  Request request;
  request.attribute.nla_type = attribute;
  request.attribute.nla_len = static_cast<uint16_t>(sizeof(nlattr) + value.size());
  std::memcpy(request.value, value.data(), std::min(value.size(), sizeof request.value));
  request.generic.cmd = command;
  request.generic.version = TASKSTATS_GENL_VERSION;
  request.header.nlmsg_type = type;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.header.nlmsg_len =
      static_cast<uint32_t>(kHeadersBytes + Aligned(request.attribute.nla_len));
  if (::send(socket_.get(), &request, request.header.nlmsg_len, 0) < 0) {
    why = std::string("netlink: ") + std::strerror(errno);
    return std::nullopt;
  }
  const ssize_t n = ::recv(socket_.get(), reply_, sizeof reply_, 0);
  nlmsghdr header{};
  if (n >= static_cast<ssize_t>(sizeof header)) std::memcpy(&header, reply_, sizeof header);
  const auto received = static_cast<size_t>(std::max<ssize_t>(n, 0));
  if (received >= sizeof(nlmsghdr) + sizeof(nlmsgerr) && header.nlmsg_type == NLMSG_ERROR) {
    nlmsgerr error;
    std::memcpy(&error, reply_ + sizeof header, sizeof error);
    why = std::string("taskstats: ") + std::strerror(-error.error);
    return std::nullopt;
  }
  if (received < kHeadersBytes || header.nlmsg_len > received || header.nlmsg_len < kHeadersBytes) {
    why = "taskstats: the kernel sent no whole answer";
    return std::nullopt;
  }
  return std::span<const std::byte>(reply_ + kHeadersBytes, header.nlmsg_len - kHeadersBytes);
}

std::string TaskstatsClient::Open() {
  socket_.Reset(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC));
  const timeval timeout{.tv_sec = 5, .tv_usec = 0};
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  if (!socket_ ||
      ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0 ||
      ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&kernel), sizeof kernel) != 0) {
    return std::string("netlink: ") + std::strerror(errno);
  }
  static constexpr char kName[] = TASKSTATS_GENL_NAME;
  std::string why;
  const auto reply = Ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_NAME,
                         std::as_bytes(std::span(kName)), why);
  if (!reply) return "the kernel has no taskstats (" + why + ")";
  const auto id = FindNetlinkAttribute(*reply, CTRL_ATTR_FAMILY_ID);
  if (!id || id->size() < sizeof family_) return "the kernel's taskstats family has no id";
  std::memcpy(&family_, id->data(), sizeof family_);
  return {};
}

std::optional<GroupStats> TaskstatsClient::Read(pid_t tgid, std::string& why) {
  const auto id = static_cast<uint32_t>(tgid);
  const auto reply = Ask(family_, TASKSTATS_CMD_GET, TASKSTATS_CMD_ATTR_TGID,
                         std::as_bytes(std::span(&id, 1)), why);
  if (!reply) return std::nullopt;
  const auto group = FindNetlinkAttribute(*reply, TASKSTATS_TYPE_AGGR_TGID);
  const auto stats = group ? FindNetlinkAttribute(*group, TASKSTATS_TYPE_STATS) : std::nullopt;
  const auto parsed = stats ? ParseTaskstats(*stats) : std::nullopt;
  if (!parsed) why = "taskstats: the answer lacks the statistics of the thread group";
  return parsed;
}

}  // namespace crossover
