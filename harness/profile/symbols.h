// Symbols: names for the addresses of call chains.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace crossover {

// Functions of one program or library, or of the kernel, by address.
class SymbolTable {
 public:
  void Add(uint64_t address, uint64_t bytes, std::string name);
  // Call it once all are added, before Find().
  void Sort();
  // The function that `address` lies in, or "". One whose size isn't known reaches to the next.
  std::string_view Find(uint64_t address) const;
  bool empty() const { return functions_.empty(); }

 private:
  struct Function {
    uint64_t address;
    uint64_t bytes;  // 0: not known
    std::string name;
  };
  std::vector<Function> functions_;
};

// The functions in the text of /proc/kallsyms; none if the kernel hides their addresses (all 0).
SymbolTable ParseKallsyms(std::string_view text);

// The functions of the ELF file at `path`, by their offset in the file; none if it can't be read.
SymbolTable ReadElfSymbols(const std::string& path);

// A C++ name as people write it: without parameters, template arguments and return type. Others
// stay as they are, but for what compilers append (".isra.0", ".cold").
std::string ReadableName(std::string_view symbol);

// The names of a process and of the kernel under it. One thread.
class Symbols {
 public:
  // Reads the kernel's names, and where `pid` has mapped which files. What it can't read has no
  // names: then frames are told by their file, as "[libc.so.6]".
  explicit Symbols(pid_t pid);

  std::string KernelName(uint64_t address) const;
  std::string UserName(uint64_t address);
  bool has_kernel_names() const { return !kernel_.empty(); }

 private:
  struct Mapping {
    uint64_t begin;
    uint64_t end;
    uint64_t offset;  // of `begin` in the file
    std::string path;
  };
  const pid_t pid_;
  SymbolTable kernel_;
  std::vector<Mapping> mappings_;             // that can be executed, by address
  std::map<std::string, SymbolTable> files_;  // read when the first address in it comes
};

}  // namespace crossover
