#include "harness/profile/symbols.h"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <fstream>
#include <sstream>

// Found by its name in this program's file, and by its address in this process.
extern "C" int CrossoverSymbolsTestFunction(int number) { return number + 1; }

namespace crossover {

// The same with a name of C++.
struct SymbolsTestClass {
  template <typename T>
  static T Twice(T number) {
    return number + number;
  }
};

namespace {

using testing::HasSubstr;
using testing::StartsWith;

template <typename Function>
uint64_t AddressOf(Function* function) {
  return std::bit_cast<uint64_t>(function);
}

TEST(Kallsyms, HoldTheKernelsFunctionsOnly) {
  const SymbolTable table = ParseKallsyms(
      "ffffffff81000010 T startup_64\n"
      "ffffffff81000100 t local.constprop.0\n"
      "ffffffff810001f0 t __pfx_weak\n"
      "ffffffff81000200 W weak\n"
      "ffffffff81000280 D jiffies\n"
      "ffffffff81000290 b buffer\n"
      "ffffffff812002a0 r table\n"
      "ffffffffc0000000 t in_module\t[nf_tables]\n");
  EXPECT_EQ(table.Find(0xffffffff8100000f), "");
  EXPECT_EQ(table.Find(0xffffffff81000010), "startup_64");
  EXPECT_EQ(table.Find(0xffffffff810000ff), "startup_64");
  EXPECT_EQ(table.Find(0xffffffff81000100), "local");
  EXPECT_EQ(table.Find(0xffffffff810001f8), "local");  // in the padding before the next
  EXPECT_EQ(table.Find(0xffffffff81000200), "weak");
  EXPECT_EQ(table.Find(0xffffffff81000288), "weak");  // data is no function
  EXPECT_EQ(table.Find(0xffffffffc0001000), "in_module");
}

TEST(Kallsyms, NeedNotBeSorted) {
  const SymbolTable table = ParseKallsyms("0000000000002000 T b\n0000000000001000 T a\n");
  EXPECT_EQ(table.Find(0x1000), "a");
  EXPECT_EQ(table.Find(0x2000), "b");
}

TEST(Kallsyms, ThatHideTheirAddressesAreNone) {
  EXPECT_TRUE(ParseKallsyms("0000000000000000 T a\n0000000000000000 T b\n").empty());
  EXPECT_TRUE(ParseKallsyms("").empty());
  EXPECT_TRUE(ParseKallsyms("no such thing\n\n12 T\nffffffff81000000\n").empty());
}

TEST(SymbolTable, FindsWhatAnAddressLiesIn) {
  SymbolTable table;
  table.Add(0x300, 0, "of unknown size");
  table.Add(0x100, 0x10, "first");
  table.Add(0x200, 0x20, "second");
  table.Sort();
  EXPECT_EQ(table.Find(0), "");
  EXPECT_EQ(table.Find(0xff), "");  // before the first
  EXPECT_EQ(table.Find(0x100), "first");
  EXPECT_EQ(table.Find(0x10f), "first");
  EXPECT_EQ(table.Find(0x110), "");  // in the gap
  EXPECT_EQ(table.Find(0x1ff), "");
  EXPECT_EQ(table.Find(0x21f), "second");
  EXPECT_EQ(table.Find(0x220), "");
  EXPECT_EQ(table.Find(0x300), "of unknown size");
  EXPECT_EQ(table.Find(UINT64_MAX), "of unknown size");
  EXPECT_EQ(SymbolTable().Find(0x100), "");
}

TEST(ElfSymbols, AreFoundByTheirOffsetInTheFile) {
  const SymbolTable table = ReadElfSymbols("/proc/self/exe");
  ASSERT_FALSE(table.empty());
  // Where this function lies in the file, by the process's own map and not by the table.
  const uint64_t address = AddressOf(&CrossoverSymbolsTestFunction);
  std::ifstream maps("/proc/self/maps");
  uint64_t offset = 0;
  for (std::string line; std::getline(maps, line);) {
    uint64_t begin = 0;
    uint64_t end = 0;
    uint64_t mapped = 0;
    char dash = 0;
    std::string permissions;
    std::istringstream(line) >> std::hex >> begin >> dash >> end >> permissions >> mapped;
    if (address >= begin && address < end) offset = address - begin + mapped;
  }
  ASSERT_NE(offset, 0u);
  EXPECT_EQ(table.Find(offset), "CrossoverSymbolsTestFunction");
  EXPECT_NE(table.Find(offset - 1), "CrossoverSymbolsTestFunction");
  // As long as the symbol says, which is less than a page.
  EXPECT_EQ(table.Find(offset + 4), "CrossoverSymbolsTestFunction");
  EXPECT_NE(table.Find(offset + 4096), "CrossoverSymbolsTestFunction");
}

TEST(ElfSymbols, OfWhatIsNoElfFileAreNone) {
  EXPECT_TRUE(ReadElfSymbols("/nonexistent").empty());
  EXPECT_TRUE(ReadElfSymbols("/").empty());
  EXPECT_TRUE(ReadElfSymbols("/proc/self/maps").empty());
}

TEST(ReadableName, HasNeitherParametersNorTemplateArguments) {
  // crossover::(anonymous namespace)::Parse(std::__cxx11::basic_string<char, ...> const&)
  EXPECT_EQ(ReadableName("_ZN9crossover12_GLOBAL__N_15ParseERKNSt7__cxx1112basic_stringIcSt11char_"
                         "traitsIcESaIcEEE"),
            "crossover::Parse");
  // std::vector<int, std::allocator<int> >::push_back(int const&)
  EXPECT_EQ(ReadableName("_ZNSt6vectorIiSaIiEE9push_backERKi"), "std::vector::push_back");
  // crossover::EpollLoop::Run() const
  EXPECT_EQ(ReadableName("_ZNK9crossover9EpollLoop3RunEv"), "crossover::EpollLoop::Run");
  // std::function<void (int)>::operator()(int) const
  EXPECT_EQ(ReadableName("_ZNKSt8functionIFviEEclEi"), "std::function::operator()");
  // crossover::Name[abi:cxx11]()
  EXPECT_EQ(ReadableName("_ZN9crossover4NameB5cxx11Ev"), "crossover::Name");
  // non-virtual thunk to crossover::Loop::Run()
  EXPECT_EQ(ReadableName("_ZThn16_N9crossover4Loop3RunEv"), "crossover::Loop::Run");
}

TEST(ReadableName, HasNoReturnTypeBeforeATemplatesName) {
  // std::vector<int, std::allocator<int> > crossover::Make<int>(int)
  EXPECT_EQ(ReadableName("_ZN9crossover4MakeIiEESt6vectorIT_SaIS2_EES2_"), "crossover::Make");
  // unsigned long crossover::Count<char>(char)
  EXPECT_EQ(ReadableName("_ZN9crossover5CountIcEEmT_"), "crossover::Count");
  // decltype (({parm#1}->size)()) crossover::Size<crossover::A>(crossover::A*)
  EXPECT_EQ(ReadableName("_ZN9crossover4SizeINS_1AEEEDTclptfp_4sizeEEPT_"), "crossover::Size");
  // crossover::X<decltype ((((crossover::A)())->size)())> crossover::Get<crossover::A>(...)
  EXPECT_EQ(ReadableName("_ZN9crossover3GetINS_1AEEENS_1XIDTclptcvT__E4sizeEEEES3_"),
            "crossover::Get");
}

TEST(ReadableName, HasNoQualifiersAtItsEnd) {
  // crossover::Task::Take() &&, crossover::Task::Look() const &, crossover::Task::Spin() volatile
  EXPECT_EQ(ReadableName("_ZNO9crossover4Task4TakeEv"), "crossover::Task::Take");
  EXPECT_EQ(ReadableName("_ZNKR9crossover4Task4LookEv"), "crossover::Task::Look");
  EXPECT_EQ(ReadableName("_ZNV9crossover4Task4SpinEv"), "crossover::Task::Spin");
  // crossover::Task::Take() &&::{lambda()#1}::operator()() const
  EXPECT_EQ(ReadableName("_ZZNO9crossover4Task4TakeEvENKUlvE_clEv"),
            "crossover::Task::Take::{lambda#1}::operator()");
}

TEST(ReadableName, KeepsTheNameOfAnOperator) {
  // bool crossover::operator<(crossover::A const&, crossover::A const&), and so on
  EXPECT_EQ(ReadableName("_ZN9crossoverltERKNS_1AES2_"), "crossover::operator<");
  EXPECT_EQ(ReadableName("_ZN9crossovergtERKNS_1AES2_"), "crossover::operator>");
  EXPECT_EQ(ReadableName("_ZN9crossoverssERKNS_1AES2_"), "crossover::operator<=>");
  EXPECT_EQ(ReadableName("_ZN9crossoverlsERNS_1AEi"), "crossover::operator<<");
  EXPECT_EQ(ReadableName("_ZN9crossoverrsERNS_1AEi"), "crossover::operator>>");
  EXPECT_EQ(ReadableName("_ZN9crossovermiERKNS_1AES2_"), "crossover::operator-");
  EXPECT_EQ(ReadableName("_ZN9crossovereqERKNS_1AES2_"), "crossover::operator==");
  EXPECT_EQ(ReadableName("_ZNK9crossover1AptEv"), "crossover::A::operator->");
  EXPECT_EQ(ReadableName("_ZN9crossover1AclEi"), "crossover::A::operator()");
  EXPECT_EQ(ReadableName("_ZN9crossover1AixEi"), "crossover::A::operator[]");
  EXPECT_EQ(ReadableName("_ZNK9crossover1AcvbEv"), "crossover::A::operator bool");
  EXPECT_EQ(ReadableName("_Znwm"), "operator new");
  // crossover::my_operator<int>(int), which is none
  EXPECT_EQ(ReadableName("_ZN9crossover11my_operatorIiEEvT_"), "crossover::my_operator");
  EXPECT_EQ(ReadableName("_ZdaPv"), "operator delete[]");
}

TEST(ReadableName, KeepsTheNameOfAnOperatorThatIsATemplate) {
  // bool crossover::operator< <int>(crossover::X<int> const&, crossover::X<int> const&)
  EXPECT_EQ(ReadableName("_ZN9crossoverltIiEEbRKNS_1XIT_EES5_"), "crossover::operator<");
  // std::basic_ostream<...>& std::operator<< <std::char_traits<char> >(..., char const*)
  EXPECT_EQ(ReadableName("_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc"),
            "std::operator<<");
  EXPECT_EQ(ReadableName("_ZN9crossovergtIiEEbRKNS_1XIT_EES5_"), "crossover::operator>");
  EXPECT_EQ(ReadableName("_ZN9crossovermiIiEEbRKNS_1XIT_EES5_"), "crossover::operator-");
  EXPECT_EQ(ReadableName("_ZN9crossoverssIiEEbRKNS_1XIT_EES5_"), "crossover::operator<=>");
  EXPECT_EQ(ReadableName("_ZN9crossovereqIiEEbRKNS_1XIT_EES5_"), "crossover::operator==");
}

TEST(ReadableName, TellsALambdaByItsFunction) {
  // crossover::Serve(int)::{lambda(int)#1}::operator()(int) const
  EXPECT_EQ(ReadableName("_ZZN9crossover5ServeEiENKUliE_clEi"),
            "crossover::Serve::{lambda#1}::operator()");
  // auto crossover::Serve(int)::{lambda(auto:1)#2}::operator()<int>(int) const
  EXPECT_EQ(ReadableName("_ZZN9crossover5ServeEiENKUlT_E0_clIiEEDaS0_"),
            "crossover::Serve::{lambda#2}::operator()");
}

TEST(ReadableName, LosesWhatCompilersAppend) {
  EXPECT_EQ(ReadableName("tcp_ack.isra.0"), "tcp_ack");
  EXPECT_EQ(ReadableName("finish_task_switch.constprop.0.isra.0"), "finish_task_switch");
  EXPECT_EQ(ReadableName("_ZN9crossover9EpollLoop3RunEv.cold"), "crossover::EpollLoop::Run");
  EXPECT_EQ(ReadableName("_ZN9crossover9EpollLoop3RunEi.part.0.isra.0.cold"),
            "crossover::EpollLoop::Run");
  EXPECT_EQ(ReadableName("_Znonsense.cold"), "_Znonsense");
}

TEST(ReadableName, TellsACoroutineByItsFunction) {
  // crossover::(anonymous namespace)::Worker::Accept(...::Accept()::_ZN...Ev.Frame*) [clone .actor]
  const std::string coroutine =
      "_ZN9crossover12_GLOBAL__N_16Worker6AcceptEPZNS1_6AcceptEvE49_ZN9crossover12_GLOBAL__N_"
      "16Worker6AcceptEv.Frame";
  EXPECT_EQ(ReadableName(coroutine + ".actor"), "crossover::Worker::Accept");
  EXPECT_EQ(ReadableName(coroutine + ".actor.cold"), "crossover::Worker::Accept");
  EXPECT_EQ(ReadableName(coroutine + ".destroy"), "crossover::Worker::Accept");
}

TEST(ReadableName, LeavesOtherNamesAsTheyAre) {
  for (const char* name : {"main", "__memmove_avx_unaligned_erms", "_start", "_Znonsense", ""}) {
    EXPECT_EQ(ReadableName(name), name);
  }
}

TEST(Symbols, NameThisProcesssFunctions) {
  Symbols symbols(getpid());
  EXPECT_EQ(symbols.UserName(AddressOf(&CrossoverSymbolsTestFunction)),
            "CrossoverSymbolsTestFunction");
  EXPECT_EQ(symbols.UserName(AddressOf(&SymbolsTestClass::Twice<int>)),
            "crossover::SymbolsTestClass::Twice");
  // A library that is stripped has the names that it exports, and else its own.
  const auto getpid_address = std::bit_cast<uint64_t>(dlsym(RTLD_DEFAULT, "getppid"));
  EXPECT_THAT(symbols.UserName(getpid_address), HasSubstr("getppid"));
}

TEST(Symbols, TellWhatHasNoNameByItsFile) {
  Symbols symbols(getpid());
  EXPECT_EQ(symbols.UserName(0), "[unknown]");
  EXPECT_EQ(symbols.UserName(UINT64_MAX), "[unknown]");
  Dl_info libc{};
  ASSERT_NE(dladdr(std::bit_cast<void*>(dlsym(RTLD_DEFAULT, "getppid")), &libc), 0);
  // The executable part of libc begins with code that exports nothing; its headers are no code.
  EXPECT_EQ(symbols.UserName(std::bit_cast<uint64_t>(libc.dli_fbase)), "[unknown]");
  int on_stack = 0;
  EXPECT_EQ(symbols.UserName(AddressOf(&on_stack)), "[unknown]");  // can't be executed
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  void* const code = mmap(nullptr, page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(code, MAP_FAILED);
  EXPECT_EQ(Symbols(getpid()).UserName(std::bit_cast<uint64_t>(code)), "[anonymous]");
  munmap(code, page);
}

TEST(Symbols, NameTheKernelsFunctionsWhereTheyAreToldOfThem) {
  std::ifstream file("/proc/kallsyms");
  uint64_t schedule = 0;
  for (std::string line; schedule == 0 && std::getline(file, line);) {
    if (line.ends_with(" schedule")) schedule = std::stoull(line, nullptr, 16);
  }
  const Symbols symbols(getpid());
  EXPECT_EQ(symbols.has_kernel_names(), schedule != 0);
  EXPECT_EQ(symbols.KernelName(0x1000), "[kernel]");
  if (schedule == 0) GTEST_SKIP() << "/proc/kallsyms hides the kernel's addresses";
  EXPECT_EQ(symbols.KernelName(schedule + 1), "schedule");
}

}  // namespace
}  // namespace crossover
