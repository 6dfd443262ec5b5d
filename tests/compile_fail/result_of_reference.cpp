// EXPECT: a Result holds values

#include <skerry/base/result.hpp>

skerry::Result<int&> find();

void use() { (void)find(); }
