#include "harness/profile/frame_classes.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "base/json_node.h"
#include "harness/profile/frame_classes_text.h"

namespace crossover {

void FrameClasses::Patterns::Add(std::string_view pattern, size_t frame_class) {
  const bool prefix = pattern.ends_with('*');
  if (prefix) pattern.remove_suffix(1);
  (prefix ? prefixes_ : exact_).emplace(pattern, frame_class);
}

const size_t* FrameClasses::Patterns::Find(std::string_view name) const {
  if (const auto found = exact_.find(name); found != exact_.end()) return &found->second;
  for (size_t length = name.size() + 1; length-- > 0;) {
    const auto found = prefixes_.find(name.substr(0, length));
    if (found != prefixes_.end()) return &found->second;
  }
  return nullptr;
}

FrameClasses::FrameClasses(std::string_view text, std::string_view source) {
  static constexpr std::array<std::string_view, 3> kKeys = {"version", "about", "classes"};
  static constexpr std::array<std::string_view, 6> kClassKeys = {"name",   "group", "label",
                                                                 "kernel", "user",  "innermost"};
  const nlohmann::json document = ParseJsonStrictly(text, source);
  const JsonNode root(document, source);
  root.RequireObject(kKeys);
  version_ = static_cast<int>(root.Require("version").Integer(1, 1'000'000));
  std::set<std::string> seen;
  for (const JsonNode& node : root.Require("classes").Elements()) {
    node.RequireObject(kClassKeys);
    const size_t index = classes_.size();
    classes_.push_back({.name = node.Require("name").String(),
                        .group = node.Require("group").String(),
                        .label = node.Require("label").String()});
    if (const auto innermost = node.Find("innermost")) {
      classes_.back().innermost = innermost->Bool();
    }
    for (const auto& [key, patterns] : {std::pair{"kernel", &kernel_}, std::pair{"user", &user_}}) {
      const auto list = node.Find(key);
      if (!list) continue;
      for (const JsonNode& element : list->Elements()) {
        const std::string pattern = element.String();
        if (pattern.empty()) element.Refuse("is empty; name a function, or a prefix with a *");
        if (!seen.insert(key + pattern).second) element.Refuse("'" + pattern + "' appears twice");
        patterns->Add(pattern, index);
      }
    }
  }
  for (const auto& [name, index] :
       {std::pair{"other_kernel", &other_kernel_}, std::pair{"other", &other_}}) {
    const auto found = std::ranges::find(classes_, name, &FrameClass::name);
    if (found == classes_.end()) root.Refuse(std::string("has no class '") + name + "'");
    *index = static_cast<size_t>(found - classes_.begin());
  }
}

size_t FrameClasses::ClassBelow(const Stack& stack, std::string_view group) const {
  const bool in_kernel = std::ranges::any_of(stack, &Frame::kernel);
  for (auto frame = stack.rbegin(); frame != stack.rend(); ++frame) {
    if (frame->kernel != in_kernel) continue;
    const size_t* const found = (in_kernel ? kernel_ : user_).Find(frame->name);
    if (found == nullptr || classes_[*found].group == group) continue;
    if (!classes_[*found].innermost || frame == stack.rbegin()) return *found;
  }
  return in_kernel ? other_kernel_ : other_;
}

const FrameClasses& BuiltInFrameClasses() {
  static const FrameClasses classes(kFrameClassesText, "frame_classes.json");
  return classes;
}

}  // namespace crossover
