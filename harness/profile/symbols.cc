#include "harness/profile/symbols.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>
#include <utility>

#include "base/fd.h"
#include "harness/profile/text_parts.h"

namespace crossover {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

uint64_t Hex(std::string_view digits) {
  uint64_t number = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
  return number;
}

// The next word of `line`, which loses it.
std::string_view TakeWord(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

using Elf = std::unique_ptr<::Elf, decltype(&elf_end)>;

// Where the loader puts `address` of the file: at which offset in it.
uint64_t FileOffset(::Elf* elf, uint64_t address) {
  size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) return address;
  for (size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) continue;
    if (segment.p_type == PT_LOAD && address >= segment.p_vaddr &&
        address < segment.p_vaddr + segment.p_filesz) {
      return address - segment.p_vaddr + segment.p_offset;
    }
  }
  return address;
}

void AddSymbols(::Elf* elf, Elf_Scn* section, const GElf_Shdr& header, SymbolTable& table) {
  Elf_Data* const data = elf_getdata(section, nullptr);
  if (data == nullptr || header.sh_entsize == 0) return;
  for (size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) continue;
    const auto type = GELF_ST_TYPE(symbol.st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC) continue;
    const char* const name = elf_strptr(elf, header.sh_link, symbol.st_name);
    if (symbol.st_value == 0 || name == nullptr) continue;
    table.Add(FileOffset(elf, symbol.st_value), symbol.st_size, ReadableName(name));
  }
}

// `name` ends with the keyword: an operator's symbol follows.
bool EndsWithOperator(std::string_view name) {
  static constexpr std::string_view kOperator = "operator";
  if (!name.ends_with(kOperator)) return false;
  name.remove_suffix(kOperator.size());
  return name.empty() || name.back() == ':' || name.back() == ' ';
}

// The operator's symbol that `text` begins with, if it has a < or > in it; or "".
std::string_view AngleOperator(std::string_view text) {
  static constexpr std::string_view kOperators[] = {
      "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "->", "<", ">"};  // longest first
  const auto* const found = std::ranges::find_if(
      kOperators, [&](std::string_view each) { return text.starts_with(each); });
  return found == std::end(kOperators) ? std::string_view() : *found;
}

// What is within <>, and the <> themselves, unless they belong to an operator's name.
std::string WithoutTemplateArguments(std::string_view name) {
  std::string plain;
  size_t depth = 0;
  for (size_t i = 0; i < name.size(); ++i) {
    const auto symbol =
        EndsWithOperator(plain) ? AngleOperator(name.substr(i)) : std::string_view();
    if (depth == 0 && !symbol.empty()) {
      plain += symbol;
      i += symbol.size() - 1;
    } else if (name.substr(i).starts_with("->")) {
      ++i;  // in a decltype
    } else if (name[i] == '<') {
      ++depth;
    } else if (name[i] == '>' && depth > 0) {
      --depth;
    } else if (depth == 0) {
      plain += name[i];
    }
  }
  return plain;
}

// Without any (...), but for the one that is an operator's name.
std::string WithoutParameters(std::string_view name) {
  std::string plain;
  size_t depth = 0;
  for (const char c : name) {
    const bool is_operator =
        depth == 0 && (EndsWithOperator(plain) || plain.ends_with("operator("));
    if (c == '(' && !is_operator) {
      ++depth;
    } else if (c == ')' && depth > 0) {
      --depth;
    } else if (depth == 0) {
      plain += c;
    }
  }
  return plain;
}

void Erase(std::string& text, std::string_view part) {
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at)) {
    text.erase(at, part.size());
  }
}

}  // namespace

void SymbolTable::Add(uint64_t address, uint64_t bytes, std::string name) {
  functions_.push_back({address, bytes, std::move(name)});
}

void SymbolTable::Sort() { std::ranges::stable_sort(functions_, {}, &Function::address); }

std::string_view SymbolTable::Find(uint64_t address) const {
  auto after = std::ranges::upper_bound(functions_, address, {}, &Function::address);
  if (after == functions_.begin()) return {};
  const Function& function = *std::prev(after);
  if (function.bytes > 0 && address >= function.address + function.bytes) return {};
  return function.name;
}

SymbolTable ParseKallsyms(std::string_view text) {
  SymbolTable table;
  for (std::string_view line : PartsOf(text, '\n')) {
    const uint64_t address = Hex(TakeWord(line));
    const std::string_view type = TakeWord(line);
    const std::string_view name = TakeWord(line);
    // Code, weak or not; "__pfx_" is the padding before a function.
    if (address == 0 || std::string_view("tTwW").find(type) == std::string_view::npos) continue;
    if (name.empty() || name.starts_with("__pfx_")) continue;
    table.Add(address, 0, ReadableName(name));
  }
  table.Sort();
  return table;
}

SymbolTable ReadElfSymbols(const std::string& path) {
  SymbolTable table;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file || elf_version(EV_CURRENT) == EV_NONE) return table;
  const Elf elf(elf_begin(file.get(), ELF_C_READ_MMAP, nullptr), &elf_end);
  if (elf == nullptr) return table;
  // Stripped files have the dynamic table only.
  for (const GElf_Word wanted : {GElf_Word{SHT_SYMTAB}, GElf_Word{SHT_DYNSYM}}) {
    Elf_Scn* section = nullptr;
    while ((section = elf_nextscn(elf.get(), section)) != nullptr) {
      GElf_Shdr header;
      if (gelf_getshdr(section, &header) == nullptr || header.sh_type != wanted) continue;
      AddSymbols(elf.get(), section, header, table);
    }
    if (!table.empty()) break;
  }
  table.Sort();
  return table;
}

std::string ReadableName(std::string_view symbol) {
  std::string name(symbol);
  if (!name.starts_with("_Z")) return name.substr(0, name.find('.'));
  // With what compilers append: the name of a coroutine's frame has a dot within.
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  if (status != 0) return name.substr(0, name.find('.'));
  name = demangled.get();
  name.erase(std::min(name.find(" [clone "), name.size()));
  Erase(name, "(anonymous namespace)::");
  Erase(name, "[abi:cxx11]");
  name = WithoutParameters(WithoutTemplateArguments(name));
  for (const std::string_view qualifier : {" const", " volatile", " &&", " &"}) {
    Erase(name, qualifier);
  }
  // "operator< <int>" has a space before its arguments.
  while (name.ends_with(' ')) name.pop_back();
  // A template's name comes after its return type.
  const size_t space = name.rfind(' ', name.find("operator"));
  if (space != std::string::npos) name.erase(0, space + 1);
  return name;
}

Symbols::Symbols(pid_t pid) : pid_(pid), kernel_(ParseKallsyms(ReadAll("/proc/kallsyms"))) {
  const std::string maps = ReadAll("/proc/" + std::to_string(pid) + "/maps");
  for (std::string_view line : PartsOf(maps, '\n')) {
    const std::string_view range = TakeWord(line);
    const std::string_view permissions = TakeWord(line);
    const uint64_t offset = Hex(TakeWord(line));
    TakeWord(line);  // device
    TakeWord(line);  // inode
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const size_t dash = range.find('-');
    if (permissions.find('x') == std::string_view::npos || dash == std::string_view::npos) continue;
    mappings_.push_back({.begin = Hex(range.substr(0, dash)),
                         .end = Hex(range.substr(dash + 1)),
                         .offset = offset,
                         .path = std::string(line)});
  }
}

std::string Symbols::KernelName(uint64_t address) const {
  const std::string_view name = kernel_.Find(address);
  return name.empty() ? "[kernel]" : std::string(name);
}

std::string Symbols::UserName(uint64_t address) {
  const auto after = std::ranges::upper_bound(mappings_, address, {}, &Mapping::begin);
  if (after == mappings_.begin() || address >= std::prev(after)->end) return "[unknown]";
  const Mapping& mapping = *std::prev(after);
  if (mapping.path.empty() || mapping.path.front() == '[') {
    return mapping.path.empty() ? "[anonymous]" : mapping.path;
  }
  const auto [file, is_new] = files_.try_emplace(mapping.path);
  // Through the process, whose file system may be another (a container's).
  if (is_new) {
    file->second = ReadElfSymbols("/proc/" + std::to_string(pid_) + "/root" + mapping.path);
  }
  const std::string_view name = file->second.Find(address - mapping.begin + mapping.offset);
  if (!name.empty()) return std::string(name);
  return "[" + mapping.path.substr(mapping.path.rfind('/') + 1) + "]";
}

}  // namespace crossover
