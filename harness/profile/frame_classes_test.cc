#include "harness/profile/frame_classes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"

namespace crossover {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::StartsWith;

// A stack as one line of folded text, without its count.
Stack StackOf(const std::string& folded) { return ParseFolded(folded + " 1", "x").begin()->first; }

json Small() {
  return json::parse(R"({
    "version": 7,
    "classes": [
      {"name": "switch", "group": "scheduler", "label": "switching", "kernel": ["schedule", "sched*"]},
      {"name": "send", "group": "tcp", "label": "TCP send", "kernel": ["tcp_*"]},
      {"name": "receive", "group": "tcp", "label": "TCP receive", "kernel": ["tcp_recv*"]},
      {"name": "poll", "group": "poll", "label": "poll", "kernel": ["tcp_recv_poll"]},
      {"name": "other_kernel", "group": "other_kernel", "label": "other kernel"},
      {"name": "http", "group": "http", "label": "HTTP", "user": ["crossover::*", "tcp_sendmsg"]},
      {"name": "other", "group": "other", "label": "other"}]})");
}

std::string ClassIn(const FrameClasses& classes, const std::string& folded) {
  return classes.classes()[classes.ClassOf(StackOf(folded))].name;
}

std::string SmallClass(const std::string& folded) {
  return ClassIn(FrameClasses(Small().dump(), "x"), folded);
}

std::string BuiltInClass(const std::string& folded) {
  return ClassIn(BuiltInFrameClasses(), folded);
}

std::string ClassesMessage(const json& list) {
  try {
    FrameClasses(list.dump(), "c.json");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(FrameClasses, KeepTheOrderOfTheList) {
  const FrameClasses classes(Small().dump(), "x");
  EXPECT_EQ(classes.version(), 7);
  ASSERT_EQ(classes.classes().size(), 7u);
  EXPECT_EQ(classes.classes()[1].name, "send");
  EXPECT_EQ(classes.classes()[1].group, "tcp");
  EXPECT_EQ(classes.classes()[1].label, "TCP send");
}

TEST(FrameClasses, CountTheInnermostFrameThatIsListed) {
  EXPECT_EQ(SmallClass("main;tcp_sendmsg_[k];schedule_[k]"), "switch");
  EXPECT_EQ(SmallClass("main;schedule_[k];tcp_sendmsg_[k]"), "send");
  EXPECT_EQ(SmallClass("main;tcp_sendmsg_[k];kmalloc_[k];memset_[k]"), "send");
  EXPECT_EQ(SmallClass("main;kmalloc_[k]"), "other_kernel");
  EXPECT_EQ(SmallClass("crossover::Serve;Parse"), "http");
  EXPECT_EQ(SmallClass("main;Parse"), "other");
}

TEST(FrameClasses, LetTheKernelsFramesAloneCountIfThereAreAny) {
  EXPECT_EQ(SmallClass("crossover::Serve;kmalloc_[k]"), "other_kernel");
  // A pattern is of the kernel or of the process.
  EXPECT_EQ(SmallClass("main;tcp_sendmsg"), "http");
  EXPECT_EQ(SmallClass("main;schedule"), "other");
  EXPECT_EQ(SmallClass("main;crossover::Serve_[k]"), "other_kernel");
}

TEST(FrameClasses, PreferAWholeNameAndThenTheLongestPrefix) {
  EXPECT_EQ(SmallClass("tcp_v4_rcv_[k]"), "send");
  EXPECT_EQ(SmallClass("tcp_recvmsg_[k]"), "receive");
  EXPECT_EQ(SmallClass("tcp_recv_[k]"), "receive");
  EXPECT_EQ(SmallClass("tcp_recv_poll_[k]"), "poll");
  EXPECT_EQ(SmallClass("tcp_recv_polling_[k]"), "receive");
  EXPECT_EQ(SmallClass("tcp_recu_[k]"), "send");
  EXPECT_EQ(SmallClass("tcp_rf_[k]"), "send");  // sorts after the longer prefix
  EXPECT_EQ(SmallClass("tcp_zz_[k]"), "send");
  EXPECT_EQ(SmallClass("tcp_[k]"), "other_kernel");
  EXPECT_EQ(SmallClass("do_schedule_[k]"), "other_kernel");
}

TEST(FrameClasses, TakeALoneStarForEveryName) {
  json list = Small();
  list["classes"][0]["kernel"].push_back("*");
  const FrameClasses classes(list.dump(), "x");
  EXPECT_EQ(ClassIn(classes, "zzz_[k]"), "switch");
  EXPECT_EQ(ClassIn(classes, "abc_[k]"), "switch");
  EXPECT_EQ(ClassIn(classes, "tcp_sendmsg_[k]"), "send");
}

TEST(FrameClasses, SkipAGroupToFindWhatWasCalled) {
  const FrameClasses classes(Small().dump(), "x");
  const auto below = [&](const std::string& folded, const char* group) {
    return classes.classes()[classes.ClassBelow(StackOf(folded), group)].name;
  };
  const std::string chain = "main;tcp_recvmsg_[k];schedule_timeout_[k];schedule_[k]";
  EXPECT_EQ(below(chain, ""), "switch");
  EXPECT_EQ(below(chain, "scheduler"), "receive");
  EXPECT_EQ(below(chain, "tcp"), "switch");
  EXPECT_EQ(below("main;schedule_[k]", "scheduler"), "other_kernel");
}

TEST(FrameClasses, RefuseAListThatCannotBeMeant) {
  EXPECT_EQ(ClassesMessage(Small()), "accepted");
  for (const auto& [index, name] :
       {std::pair{size_t{6}, "other"}, std::pair{size_t{4}, "other_kernel"}}) {
    json list = Small();
    list["classes"].erase(index);
    EXPECT_EQ(ClassesMessage(list), "c.json: has no class '" + std::string(name) + "'");
  }
  json list = Small();
  list["classes"][1]["kernel"].push_back("schedule");
  EXPECT_EQ(ClassesMessage(list), "c.json: classes[1].kernel[1]: 'schedule' appears twice");
  list = Small();
  list["classes"][1]["user"] = {"schedule"};  // of the process: another function
  EXPECT_EQ(ClassesMessage(list), "accepted");
  list["classes"][1]["user"] = {""};
  EXPECT_THAT(ClassesMessage(list), StartsWith("c.json: classes[1].user[0]: is empty"));
  list = Small();
  list["classes"][0]["kernal"] = json::array();
  EXPECT_THAT(ClassesMessage(list), HasSubstr("classes[0]: unknown key \"kernal\"; did you mean"));
  list = Small();
  list["clases"] = 1;
  EXPECT_THAT(ClassesMessage(list), HasSubstr("unknown key \"clases\""));
  list = Small();
  list.erase("version");
  EXPECT_THAT(ClassesMessage(list), HasSubstr("'version' is missing"));
  list = Small();
  list["classes"][2].erase("label");
  EXPECT_THAT(ClassesMessage(list), HasSubstr("classes[2]: the key 'label' is missing"));
}

TEST(BuiltInFrameClasses, HaveNamesOfTheirOwn) {
  const FrameClasses& classes = BuiltInFrameClasses();
  EXPECT_GE(classes.version(), 1);
  std::set<std::string> names;
  std::set<std::string> labels;
  for (const FrameClass& each : classes.classes()) {
    EXPECT_TRUE(names.insert(each.name).second) << each.name;
    EXPECT_TRUE(labels.insert(each.label).second) << each.label;
    EXPECT_NE(each.group, "");
  }
}

// Chains as they were seen.
constexpr char kEntry[] =
    "[libc.so.6];entry_SYSCALL_64_after_hwframe_[k];do_syscall_64_[k];x64_sys_call_[k];";

TEST(BuiltInFrameClasses, TellSwitchingFromWaking) {
  const std::string entry = kEntry;
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_futex_[k];do_futex_[k];futex_wait_[k];__futex_wait_[k];"
                                 "futex_wait_queue_[k];schedule_[k];__schedule_[k];"
                                 "finish_task_switch_[k]"),
            "scheduler_switch");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_futex_[k];do_futex_[k];futex_wait_[k];__futex_wait_[k];"
                                 "futex_wait_queue_[k];schedule_[k];__schedule_[k];"
                                 "pick_next_task_fair_[k];update_curr_[k]"),
            "scheduler_switch");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_futex_[k];do_futex_[k];futex_wake_[k];wake_up_q_[k];"
                                 "try_to_wake_up_[k];_raw_spin_lock_[k]"),
            "scheduler_wake");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_futex_[k];do_futex_[k];futex_wake_[k];"
                                 "futex_hash_[k]"),
            "futex");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_epoll_wait_[k];do_epoll_wait_[k];ep_poll_[k];"
                                 "schedule_hrtimeout_range_[k];schedule_[k];__schedule_[k]"),
            "scheduler_switch");
}

constexpr char kSend[] =
    "__x64_sys_sendto_[k];__sys_sendto_[k];sock_sendmsg_[k];inet_sendmsg_[k];tcp_sendmsg_[k];"
    "tcp_sendmsg_locked_[k];";

TEST(BuiltInFrameClasses, TellWhatSendingSetsOff) {
  const std::string send = std::string(kEntry) + kSend;
  const std::string receiver = send +
                               "tcp_write_xmit_[k];__tcp_transmit_skb_[k];__ip_queue_xmit_[k];"
                               "__do_softirq_[k];tcp_v4_rcv_[k];tcp_rcv_established_[k];"
                               "sock_def_readable_[k];";
  EXPECT_EQ(BuiltInClass(send + "tcp_stream_alloc_skb_[k];__alloc_skb_[k];kmem_cache_alloc_[k]"),
            "tcp_send");
  EXPECT_EQ(BuiltInClass(receiver + "__wake_up_sync_key_[k];ep_poll_callback_[k]"), "tcp_notify");
  EXPECT_EQ(
      BuiltInClass(receiver + "__wake_up_sync_key_[k];ep_poll_callback_[k];"
                              "ep_autoremove_wake_function_[k];default_wake_function_[k];"
                              "try_to_wake_up_[k];ttwu_do_activate_[k];enqueue_task_fair_[k]"),
      "scheduler_wake");
  EXPECT_EQ(BuiltInClass(send + "asm_sysvec_apic_timer_interrupt_[k];"
                                "sysvec_apic_timer_interrupt_[k];hrtimer_interrupt_[k];"
                                "ktime_get_update_offsets_now_[k]"),
            "interrupts");
}

TEST(BuiltInFrameClasses, TellTheOtherSystemCallsApart) {
  const std::string entry = kEntry;
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_recvfrom_[k];__sys_recvfrom_[k];sock_recvmsg_[k];"
                                 "inet_recvmsg_[k];tcp_recvmsg_[k];tcp_recvmsg_locked_[k];"
                                 "skb_copy_datagram_iter_[k];rep_movs_alternative_[k]"),
            "tcp_receive");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_recvfrom_[k];__sys_recvfrom_[k];sock_recvmsg_[k];"
                                 "security_socket_recvmsg_[k]"),
            "sockets");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_io_uring_enter_[k];__do_sys_io_uring_enter_[k];"
                                 "io_submit_sqes_[k];io_issue_sqe_[k];io_recv_[k];sock_recvmsg_[k];"
                                 "inet_recvmsg_[k];tcp_recvmsg_[k];tcp_recvmsg_locked_[k]"),
            "tcp_receive");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_io_uring_enter_[k];__do_sys_io_uring_enter_[k];"
                                 "io_submit_sqes_[k];io_issue_sqe_[k]"),
            "io_uring");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_epoll_wait_[k];do_epoll_wait_[k];ep_poll_[k];"
                                 "_raw_spin_lock_irq_[k]"),
            "epoll");
  EXPECT_EQ(BuiltInClass(entry + "__x64_sys_accept4_[k];__sys_accept4_[k];do_accept_[k];"
                                 "inet_accept_[k];inet_csk_accept_[k]"),
            "connections");
  EXPECT_EQ(BuiltInClass(entry + "syscall_exit_to_user_mode_[k]"), "system_call");
  EXPECT_EQ(BuiltInClass("[libc.so.6];clone3;ret_from_fork_asm_[k];ret_from_fork_[k];"
                         "schedule_tail_[k]"),
            "threads");
}

TEST(BuiltInFrameClasses, TellFaultsAndUserCodeApart) {
  const std::string loop = "_start;main;crossover::Worker::Run;crossover::EpollLoop::Run;";
  EXPECT_EQ(BuiltInClass(loop + "crossover::HttpSession::Read;asm_exc_page_fault_[k];"
                                "exc_page_fault_[k];do_user_addr_fault_[k];handle_mm_fault_[k];"
                                "clear_page_erms_[k]"),
            "memory");
  EXPECT_EQ(BuiltInClass(loop + "crossover::HttpSession::Read;__memmove_avx_unaligned_erms"),
            "runtime");
  EXPECT_EQ(BuiltInClass(loop + "crossover::HttpSession::Read"), "http");
  EXPECT_EQ(BuiltInClass(loop + "crossover::HttpSession::Read;crossover::Handle"), "handler");
  EXPECT_EQ(BuiltInClass(loop), "user_scheduler");
  EXPECT_EQ(BuiltInClass("[unknown]"), "other");
  // What libc starts is not libc's.
  EXPECT_EQ(BuiltInClass("[libc.so.6];somebody::Else"), "other");
}

}  // namespace
}  // namespace crossover
