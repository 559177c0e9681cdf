// SPDX-License-Identifier: Apache-2.0

package inject

// Limits of a fresh IPC namespace (linux/ipc_namespace.h), which sysctls can move, and
// of a user, which nothing in Kubernetes can (mq_overview(7), RLIMIT_MSGQUEUE).
const (
	defaultMaxMsg   = 10
	defaultMsgSize  = 8192
	defaultQueues   = 256
	queueBytes      = 819200
	queueBytesExtra = 96 // for each message: struct msg_msg and struct posix_msg_tree_node
)

// checkQueues refuses queues that the kernel would.
func (b *builder) checkQueues(r *Request) {
	queues := r.Value(mqueue).objects
	used := map[int64]int64{} // bytes, by owner
	own := b.policy.helper(r.Helper.Name).user()
	for i := range queues {
		q := &queues[i]
		b.checkQueueLimit(r, q, "maxmsg", "fs.mqueue.msg_max", defaultMaxMsg)
		b.checkQueueLimit(r, q, "msgsize", "fs.mqueue.msgsize_max", defaultMsgSize)
		owner := q.owner(own)
		before := used[owner]
		sum := before + q.attributes["maxmsg"]*(q.attributes["msgsize"]+queueBytesExtra)
		used[owner] = sum
		if sum > queueBytes && before <= queueBytes { // once for each owner
			b.refuse(invalid(PodConflict, r.path(mqueue), q.name, "brings the queues of %s to %d bytes, and a user has %d (RLIMIT_MSGQUEUE); make them smaller, or give this one another owner (uid=…)",
				ownerText(owner), sum, queueBytes))
		}
	}
	const name = "fs.mqueue.queues_max"
	if most := b.sysctlLimit(r, name, defaultQueues); int64(len(queues)) > most {
		b.refuse(invalid(PodConflict, r.path(mqueue), len(queues), "is the number of queues, and %s is %d", name, most))
	}
}

func (b *builder) checkQueueLimit(r *Request, q *object, attribute, sysctl string, standard int64) {
	if n, most := q.attributes[attribute], b.sysctlLimit(r, sysctl, standard); n > most {
		b.refuse(invalid(PodConflict, r.path(mqueue), q.name, "wants %s %d, and %s is %d; ask for less, or raise it with %s where the policy lists it",
			attribute, n, sysctl, most, r.Helper.Key("", sysctls)))
	}
}

// checkSegments refuses memory that would be gone before the app starts.
func (b *builder) checkSegments(r *Request) {
	if forced, _ := b.effectiveSysctl(r, rmidForced); forced == "" || forced == "0" {
		return
	}
	for i := range r.Value(sysv).objects {
		if o := &r.Value(sysv).objects[i]; o.kind == "shm" {
			b.refuse(invalid(PodConflict, r.path(sysv), o.name, "%s removes memory that nobody is attached to, so it would be gone before the app starts; remove the sysctl, or let the app make the segment", rmidForced))
		}
	}
}
