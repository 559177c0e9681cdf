// SPDX-License-Identifier: Apache-2.0

package publish

import "fmt"

// keptName is a file beside the trees that says more of the current one, to a process that
// makes the next. It is not for readers.
const keptName = "..kept"

// Keep puts the file sub of the staged directory beside the current tree, in place of
// that of the tree before.
func (v *Volume) Keep(sub string) error {
	if err := v.root.RemoveAll(keptName); err != nil {
		return fmt.Errorf("%s is in the way: %w", v.in(keptName), err)
	}
	if err := v.stage.Rename(sub, v.root, keptName); err != nil {
		return fmt.Errorf("%s cannot be put in place: %w", v.in(keptName), err)
	}
	return nil
}

// Kept are the paths of the current tree and of the file beside it. Both are "" if
// there is no current tree that can be relied on; whether the file exists, and whether
// it is that of the tree, is for the reader to find out.
func (v *Volume) Kept() (tree, file string) {
	if v.Current() == "" {
		return "", ""
	}
	return v.in(v.currentDir()), v.in(keptName)
}
