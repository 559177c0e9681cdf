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
// review and the policy. What is remembered is the whole review, byte for byte, but for its
// holes, see [hole]; a hash only finds it. So a review that is recognised need not be read.
//
// A template is remembered the second time, so that pods that come once cost next to nothing.
//
// It belongs to one set of policies, and to reviews of pods alone. A nil *replicas remembers
// nothing.
type replicas struct {
	seed maphash.Seed

	mu       sync.Mutex
	now, old map[uint64]*replica // by the hash of the policy and of how the pod begins; nil if seen once
	size     int                 // of now, in bytes
}

// Bounds on what is remembered, in bytes. What is in use is kept in one of two generations:
// when the newer one is full, the older one is dropped.
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
	at := bytes.Index(body, []byte(objectMember))
	if at < 0 {
		return nil, nil
	}
	known := r.get(r.hash(policy, body[at:]))
	if known == nil || known.policy != policy || !known.like(body) {
		return nil, nil
	}
	req := known.request
	req.UID = types.UID(known.holes[0].text(body))
	return &req, known
}

// keep remembers an answer that admits a pod, as it was encoded.
func (r *replicas) keep(policy string, body []byte, req *request, out *Outcome, decided *account, answer []byte) {
	at := bytes.Index(body, []byte(objectMember))
	if r == nil || at < 0 || len(body)+len(answer) > maxReplica {
		return
	}
	hash := r.hash(policy, body[at:])
	if r.first(hash) {
		return
	}
	holes, ok := holesOf(body, req, out)
	if !ok {
		return
	}
	known := &replica{
		policy: policy, review: bytes.Clone(body), holes: holes, account: *decided,
		request: request{Kind: req.Kind, Namespace: req.Namespace, Name: req.Name, DryRun: req.DryRun},
		rest:    bytes.Clone(answer[len(appendText([]byte(answerHead), string(req.UID))):]),
	}
	r.put(hash, known)
}

func (r *replicas) hash(policy string, pod []byte) uint64 {
	return maphash.String(r.seed, policy) ^ maphash.Bytes(r.seed, pod[:min(len(pod), beginning)])
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
	policy  string
	review  []byte
	holes   []hole  // in the review; the first one is the uid's
	request request // what is logged of it; without uid
	account account
	rest    []byte // of the answer, behind the uid
}

func (k *replica) size() int {
	if k == nil {
		return seenHas
	}
	return len(k.review) + len(k.rest) + replicaHas
}

// answer appends the answer to a review of a replica.
func (k *replica) answer(body []byte, uid types.UID) []byte {
	return append(appendText(append(body, answerHead...), string(uid)), k.rest...)
}

// like reports whether a review differs from the remembered one in its holes alone.
func (k *replica) like(review []byte) bool {
	if len(review) != len(k.review) {
		return false
	}
	var drawn []byte // the volume has one name, wherever it stands
	from := 0
	for i := range k.holes {
		h := &k.holes[i]
		text := h.text(review)
		if !bytes.Equal(review[from:h.at], k.review[from:h.at]) || !h.fits(text) {
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
	return bytes.Equal(review[from:], k.review[from:])
}
