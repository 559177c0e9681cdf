// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"bytes"
	"hash/maphash"
	"sync"

	"k8s.io/apimachinery/pkg/types"
)

// replicas remembers answers that admit a pod, for the other pods of its template: a cluster
// creates thousands of pods from few templates, and the answer depends on nothing but the
// policy and the view of the pod. They are found in two ways:
//
//   - by the whole review, byte for byte, but for its holes, see [hole]: a review that is
//     recognised need not be read. These are the pods of a ReplicaSet.
//   - by the key of the view, see [pod.Read], which is read once. These are the pods of
//     DaemonSets, StatefulSets and Jobs, and those of the next version of a template.
//
// What is remembered is compared in full; a hash only finds it. It is remembered the second
// time, so that pods that come once cost next to nothing.
//
// It belongs to one set of policies, and to reviews of pods alone. A nil *replicas remembers
// nothing.
type replicas struct {
	seed maphash.Seed

	mu       sync.Mutex
	now, old map[uint64]*replica // by hash; nil if seen once
	size     int                 // of now, in bytes
}

const (
	generation = 2 << 20
	maxReplica = generation / 16
	replicaHas = 512 // besides the review and the answer
	seenHas    = 64  // what is known of a template that was seen once
	beginning  = 160 // of a pod: its generateName, and most often what its labels begin with
)

func newReplicas() *replicas {
	return &replicas{seed: maphash.MakeSeed(), now: map[uint64]*replica{}}
}

// objectMember is how the API server writes the name of the pod in a review, and how the pod
// begins. Inside a JSON string, the quotes would be escaped.
const objectMember = `"object":{`

// find recognises a review that differs from a remembered one in its holes alone. Nil, if
// there is none.
func (r *replicas) find(policy string, body []byte) (*request, *replica) {
	if r == nil {
		return nil, nil
	}
	hash, ok := r.ofReview(policy, body)
	if !ok {
		return nil, nil
	}
	known := r.get(hash)
	if known == nil || known.policy != policy || !known.like(body) {
		return nil, nil
	}
	req := known.request
	req.UID = types.UID(known.holes[0].text(body))
	return &req, known
}

// findView recognises a pod by the key of its view. Nil, if there is none.
func (r *replicas) findView(policy string, key []byte) *replica {
	if r == nil || len(key) == 0 {
		return nil
	}
	known := r.get(r.ofView(policy, key))
	if known == nil || known.policy != policy || known.holes != nil || !bytes.Equal(known.compared, key) {
		return nil
	}
	return known
}

// keepView remembers the answer in the memory, which admits a pod, for views with the same key.
func (r *replicas) keepView(policy string, m *memory, req *request, decided *account) {
	rest := afterUID(m.answer, req)
	if r == nil || len(m.key) == 0 || len(m.key)+len(rest) > maxReplica {
		return
	}
	if hash := r.ofView(policy, m.key); !r.first(hash) {
		r.put(hash, &replica{policy: policy, compared: bytes.Clone(m.key), account: *decided, rest: bytes.Clone(rest)})
	}
}

// keep remembers the answer in the memory, which admits a pod whose view has a key, for reviews
// that differ in their holes alone.
func (r *replicas) keep(policy string, m *memory, req *request, decided *account) {
	rest := afterUID(m.answer, req)
	if r == nil || len(m.key) == 0 || len(m.body)+len(rest) > maxReplica {
		return
	}
	hash, ok := r.ofReview(policy, m.body)
	if !ok || r.first(hash) {
		return
	}
	if holes, ok := holesOf(m.body, req); ok {
		r.put(hash, &replica{
			policy: policy, compared: bytes.Clone(m.body), holes: holes, account: *decided, rest: bytes.Clone(rest),
			request: request{Kind: req.Kind, Namespace: req.Namespace, Name: req.Name, DryRun: req.DryRun},
		})
	}
}

// afterUID is what is the same in the answers to all replicas.
func afterUID(answer []byte, req *request) []byte {
	return answer[len(appendText([]byte(answerHead), string(req.UID))):]
}

// ofReview is the hash of the policy and of how the pod in a review begins.
func (r *replicas) ofReview(policy string, body []byte) (hash uint64, ok bool) {
	at := bytes.Index(body, []byte(objectMember))
	if at < 0 {
		return 0, false
	}
	return maphash.String(r.seed, policy) ^ maphash.Bytes(r.seed, body[at:min(len(body), at+beginning)]), true
}

func (r *replicas) ofView(policy string, key []byte) uint64 {
	return maphash.String(r.seed, policy) ^ maphash.Bytes(r.seed, key)
}

// get takes what is in use along into the newer generation.
func (r *replicas) get(hash uint64) *replica {
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.now[hash]
	if known == nil {
		if known = r.old[hash]; known != nil {
			r.add(hash, known)
		}
	}
	return known
}

// first notes that a template is seen, and reports whether it was not before.
func (r *replicas) first(hash uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, now := r.now[hash]
	_, old := r.old[hash]
	if now || old {
		return false
	}
	r.add(hash, nil)
	return true
}

func (r *replicas) put(hash uint64, known *replica) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.add(hash, known)
}

func (r *replicas) add(hash uint64, known *replica) {
	if before, has := r.now[hash]; has {
		r.size -= before.size()
	}
	if r.size += known.size(); r.size > generation {
		r.old, r.now, r.size = r.now, map[uint64]*replica{}, known.size()
	}
	r.now[hash] = known
}

// replica is the answer to the review of a pod of a template. It is never changed.
type replica struct {
	policy   string
	compared []byte  // the review, or the key of a view
	holes    []hole  // in the review, the first one of which is the uid's; nil for a view
	request  request // what is logged of the review; without uid
	account  account
	rest     []byte // of the answer, behind the uid
}

func (k *replica) size() int {
	if k == nil {
		return seenHas
	}
	return len(k.compared) + len(k.rest) + replicaHas
}

// answer appends the answer to a review of a replica.
func (k *replica) answer(body []byte, uid types.UID) []byte {
	return append(appendText(append(body, answerHead...), string(uid)), k.rest...)
}

// like reports whether a review differs from the remembered one in its holes alone.
func (k *replica) like(review []byte) bool {
	if len(review) != len(k.compared) {
		return false
	}
	var drawn []byte // the volume has one name, wherever it stands
	from := 0
	for i := range k.holes {
		h := &k.holes[i]
		text := h.text(review)
		if !bytes.Equal(review[from:h.at], k.compared[from:h.at]) || !h.fits(text) {
			return false
		}
		if h.kind == drawnName {
			if drawn != nil && !bytes.Equal(drawn, text) {
				return false
			}
			drawn = text
		}
		from = h.at + h.size
	}
	return bytes.Equal(review[from:], k.compared[from:])
}
