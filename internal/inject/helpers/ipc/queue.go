// SPDX-License-Identifier: Apache-2.0

package ipc

import (
	"fmt"
	"strings"

	"github.com/pillion-dev/pillion/internal/inject/helper"
	"github.com/pillion-dev/pillion/internal/inject/option"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/inject/rule"
)

// queues are a comma list of /name?maxmsg=N&msgsize=N&mode=NNNN&uid=N.
var queues = option.Kind{
	Name: "POSIX queues", Pattern: option.ByName(option.KernelName),
	Parse: func(text string) (option.Value, error) { return parseObjects(text, parseQueue) },
}

func parseQueue(text string) (object, error) {
	front, query, has := strings.Cut(text, "?")
	name, err := option.KernelName(front)
	if err != nil {
		return object{}, err
	}
	return object{name: name}.withAttributes(name, query, has, queueAttributes)
}

// Limits of a fresh IPC namespace (linux/ipc_namespace.h), which sysctls can move, and
// of a user, which nothing in Kubernetes can (mq_overview(7), RLIMIT_MSGQUEUE).
const (
	defaultMaxMsg   = 10
	defaultMsgSize  = 8192
	defaultQueues   = 256
	queueBytes      = 819200
	queueBytesExtra = 96 // for each message: struct msg_msg and struct posix_msg_tree_node
)

// checkQueues denies queues that the kernel would.
func checkQueues(e *helper.Editor, r *helper.Request) {
	queues := objectsOf(r, mqueue)
	used := map[int64]int64{} // bytes, by owner
	own := e.Rules().User()
	for i := range queues {
		q := &queues[i]
		checkQueueLimit(e, r, q, "maxmsg", "fs.mqueue.msg_max", defaultMaxMsg)
		checkQueueLimit(e, r, q, "msgsize", "fs.mqueue.msgsize_max", defaultMsgSize)
		owner := q.owner(own)
		before := used[owner]
		sum := before + q.attributes["maxmsg"]*(q.attributes["msgsize"]+queueBytesExtra)
		used[owner] = sum
		if sum > queueBytes && before <= queueBytes { // once for each owner
			e.Deny(reason.Invalid(reason.PodConflict, r.Path(mqueue), q.name, "brings the queues of %s to %d bytes, and a user has %d (RLIMIT_MSGQUEUE); make them smaller, or give this one another owner (uid=…)",
				ownerText(owner), sum, queueBytes))
		}
	}
	const name = "fs.mqueue.queues_max"
	if most := sysctlLimit(e, r, name, defaultQueues); int64(len(queues)) > most {
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(mqueue), len(queues), "is the number of queues, and %s is %d", name, most))
	}
}

func checkQueueLimit(e *helper.Editor, r *helper.Request, q *object, attribute, sysctl string, standard int64) {
	if n, most := q.attributes[attribute], sysctlLimit(e, r, sysctl, standard); n > most {
		e.Deny(reason.Invalid(reason.PodConflict, r.Path(mqueue), q.name, "wants %s %d, and %s is %d; ask for less, or raise it with %s where the policy lists it",
			attribute, n, sysctl, most, r.Helper.Key("", sysctls)))
	}
}

// checkSegments denies memory that would be gone before the app starts.
func checkSegments(e *helper.Editor, r *helper.Request) {
	if forced, _ := effectiveSysctl(e, r, rmidForced); forced == "" || forced == "0" {
		return
	}
	for i := range objectsOf(r, sysv) {
		if o := &objectsOf(r, sysv)[i]; o.kind == "shm" {
			e.Deny(reason.Invalid(reason.PodConflict, r.Path(sysv), o.name, "%s removes memory that nobody is attached to, so it would be gone before the app starts; remove the sysctl, or let the app make the segment", rmidForced))
		}
	}
}

// ownerText names the owner of objects for an error message.
func ownerText(user int64) string {
	if user == rule.Assigned {
		return "the helper's own user"
	}
	return fmt.Sprintf("user %d", user)
}
