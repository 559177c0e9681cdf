// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// row is what the kernel tells about a System V object.
type row struct {
	access

	size uint64 // as in SysV
}

// lookUp finds the object in the table of its kind, proc(5): the one way that needs
// no right to the object.
func lookUp(kind SysVKind, key int32) (row, error) {
	path := "/proc/sysvipc/" + string(kind)
	text, err := os.ReadFile(path)
	if err != nil {
		return row{}, err
	}
	lines := strings.Split(string(text), "\n")
	column := map[string]int{}
	for i, name := range strings.Fields(lines[0]) {
		column[name] = i
	}
	for _, line := range lines[1:] {
		fields := strings.Fields(line)
		field := func(name string, base int) uint64 {
			i, ok := column[name]
			if !ok || i >= len(fields) {
				return 0
			}
			n, _ := strconv.ParseUint(fields[i], base, 64) // the kernel writes numbers
			return n
		}
		if len(fields) == 0 || fields[0] != strconv.Itoa(int(key)) {
			continue
		}
		// Bits above the permissions say that a segment is locked, or to be removed.
		found := row{access: access{uint32(field("perms", 8)) & 0o777, uint32(field("uid", 10))}}
		switch kind {
		case Sem:
			found.size = field("nsems", 10)
		case Shm:
			found.size = field("size", 10)
		case Msg:
		}
		return found, nil
	}
	return row{}, fmt.Errorf("%s does not list it any more", path)
}
