// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// place is a container: its pod's uid and its name.
type place struct{ pod, container string }

// terminationLog is the root of the mount that the kubelet gives every container, the
// file for its termination message: <kubelet's directory>/pods/<uid>/containers/<name>/<8
// digits> (k8s.io/kubernetes/pkg/kubelet: getPodContainerDir; kuberuntime: makeMounts).
// It is all that shows a container's name to other processes of the pod.
var terminationLog = regexp.MustCompile(`/pods/([^/ ]+)/containers/([^/ ]+)/[0-9a-f]{8}(//deleted)?$`)

// Bounds on what an app can make us read.
const (
	maxProcesses = 32768
	maxMountInfo = 4 << 20 // bytes
	maxStatus    = 64 << 10
)

// process is one process that can be seen from here.
type process struct {
	place

	id, parent int
	user       int
	started    uint64 // in ticks since the node started
	name       string
	handles    uint64      // signals that it catches or waits for, as bits
	handle     *os.Process // a pidfd, which never comes to mean another process
}

type processes []*process

// errNoNames is for runtimes that show no mounts of the node: gVisor, Kata.
var errNoNames = errors.New("the container runtime does not show which container a process belongs to (/proc/self/mountinfo names no termination log of the kubelet); use an HTTP request instead of a signal")

// scan finds all processes, and the container that this one is in. Those of the named
// container of the same pod have a handle, which the caller releases.
func scan(proc, container string) (all processes, own place, err error) {
	own, err = placeOf(filepath.Join(proc, "self"))
	if err != nil {
		return nil, own, err
	}
	if own == (place{}) {
		return nil, own, errNoNames
	}
	dir, err := os.Open(proc)
	if err != nil {
		return nil, own, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(maxProcesses)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, own, fmt.Errorf("%s cannot be listed: %w", proc, err)
	}
	for _, name := range names {
		id, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		p := readProcess(proc, id)
		if p == nil {
			continue
		}
		if p.place != (place{own.pod, container}) {
			_ = p.handle.Release() // there may be thousands
		}
		all = append(all, p)
	}
	return all, own, nil
}

// readProcess reads what there is to know of a process; nil if it has ended.
func readProcess(proc string, id int) *process {
	handle, err := os.FindProcess(id) // first, so that all that follows is about this process
	if err != nil {
		return nil
	}
	p := &process{id: id, handle: handle}
	dir := filepath.Join(proc, strconv.Itoa(id))
	if p.place, err = placeOf(dir); err == nil {
		err = p.readStatus(dir)
	}
	if err == nil {
		err = p.readStart(dir)
	}
	// It may have ended meanwhile, and its number been given to another.
	if err != nil || handle.Signal(syscall.Signal(0)) == os.ErrProcessDone { //nolint:errorlint // it is returned as it is
		_ = handle.Release()
		return nil
	}
	return p
}

// placeOf is the container of a process; none if its mounts do not say, or say two.
func placeOf(dir string) (found place, err error) {
	file, err := os.Open(filepath.Join(dir, "mountinfo"))
	if err != nil {
		return place{}, err
	}
	defer file.Close()
	lines := bufio.NewScanner(io.LimitReader(file, maxMountInfo))
	lines.Buffer(nil, maxMountInfo)
	for lines.Scan() {
		fields := strings.Fields(lines.Text()) // proc_pid_mountinfo(5): the fourth is the root of the mount
		if len(fields) < 4 {
			continue
		}
		m := terminationLog.FindStringSubmatch(fields[3])
		if m == nil {
			continue
		}
		next := place{m[1], m[2]}
		if found != (place{}) && found != next {
			return place{}, nil
		}
		found = next
	}
	return found, lines.Err()
}

// readStatus reads the fields of proc_pid_status(5) that matter here.
func (p *process) readStatus(dir string) error {
	text, err := readAtMost(filepath.Join(dir, "status"), maxStatus)
	if err != nil {
		return err
	}
	var errs []error
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch key {
		case "Name":
			p.name = printable(value)
		case "PPid":
			p.parent, err = strconv.Atoi(value)
			errs = append(errs, err)
		case "Uid": // real, effective, saved, file system
			if fields := strings.Fields(value); len(fields) > 0 {
				p.user, err = strconv.Atoi(fields[0])
				errs = append(errs, err)
			}
		case "SigCgt", "SigBlk": // a program like tini blocks signals and waits for them
			set, err := strconv.ParseUint(value, 16, 64)
			p.handles |= set
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// readStart reads when the process started, field 22 of proc_pid_stat(5). The second, the
// name in parentheses, may hold anything.
func (p *process) readStart(dir string) error {
	text, err := readAtMost(filepath.Join(dir, "stat"), maxStatus)
	if err != nil {
		return err
	}
	fields := strings.Fields(text[strings.LastIndex(text, ")")+1:])
	if len(fields) < 20 {
		return fmt.Errorf("%s/stat has %d fields behind the name", dir, len(fields))
	}
	p.started, err = strconv.ParseUint(fields[19], 10, 64)
	return err
}

func readAtMost(path string, limit int64) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, limit))
	return string(text), err
}

func (ps processes) release() {
	for _, p := range ps {
		_ = p.handle.Release()
	}
}

// shared reports whether the pod's containers have one process namespace. In one of its
// own a container's first process is number 1; in a shared one that is the pod's
// sandbox, which has no termination log.
func (ps processes) shared(own place) bool {
	return !slices.ContainsFunc(ps, func(p *process) bool { return p.id == 1 && p.place == own })
}

// of are the processes of one container.
func (ps processes) of(where place) (found processes) {
	for _, p := range ps {
		if p.place == where {
			found = append(found, p)
		}
	}
	return found
}

// containers are the names of a pod's containers that have processes.
func (ps processes) containers(pod string) (names []string) {
	for _, p := range ps {
		if p.pod == pod {
			names = append(names, p.container)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// mains is the program that the container was started with: the oldest of the processes
// that the runtime started (their parent is outside the namespace, so 0). The later ones
// are kubectl exec's and probes'.
func (ps processes) mains() processes {
	var oldest *process
	for _, p := range ps {
		if p.parent == 0 && (oldest == nil || p.started < oldest.started) {
			oldest = p
		}
	}
	if oldest == nil {
		return nil
	}
	return processes{oldest}
}

// handlers are the processes that a signal is for: from the container's own program
// downwards, and from programs that became daemons, the first on each way that
// handles it. What those do with processes below them is theirs to decide: nginx tells its
// workers, tini its one child.
func (ps processes) handlers(s syscall.Signal) (found processes) {
	seen := map[int]bool{} // numbers that are reused during the scan could make a circle
	var down func(p *process)
	down = func(p *process) {
		if seen[p.id] {
			return
		}
		seen[p.id] = true
		if p.handles&(1<<(uint(s)-1)) != 0 {
			found = append(found, p)
			return
		}
		for _, child := range ps {
			if child.parent == p.id {
				down(child)
			}
		}
	}
	inside := map[int]bool{}
	for _, p := range ps {
		inside[p.id] = true
	}
	for _, p := range ps.mains() {
		down(p)
	}
	for _, p := range ps {
		if p.parent != 0 && !inside[p.parent] { // its parent ended, and the sandbox's process adopted it
			down(p)
		}
	}
	return found
}

// names lists processes for an error: the oldest first, and not too many.
func (ps processes) names() string {
	slices.SortFunc(ps, func(a, b *process) int { return a.id - b.id })
	var names []string
	for _, p := range ps[:min(len(ps), 5)] {
		names = append(names, fmt.Sprintf("%s (%d)", p.name, p.id))
	}
	if len(ps) > 5 {
		names = append(names, fmt.Sprintf("and %d more", len(ps)-5))
	}
	return strings.Join(names, ", ")
}
