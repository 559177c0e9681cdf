// SPDX-License-Identifier: Apache-2.0

package check

import (
	"context"
	"fmt"
	"slices"
	"strings"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/pillion-dev/pillion/internal/certs"
)

// held reports whether a link was found to hold.
func (l *look) held(link Link) bool { return l.first([]Link{link}, OK) != "" }

// step is one link, and what of the links before it matters to it.
type step struct {
	link Link
	doc  string
	do   func(*look, context.Context) error
	// needs are links without which it cannot be looked at; rests are links that may
	// be why it fails.
	needs, rests []Link
}

// look is one look at a cluster: what was found so far.
type look struct {
	Options
	cluster Cluster
	link    Link // that is being looked at
	results []Result
	missing []string // rights
	unread  []int    // results about what could not be checked

	mutating  []admissionregistrationv1.MutatingWebhookConfiguration // all of the cluster
	entriesOf []entry                                                // Pillion's, for pods
	warnOf    []entry                                                // Pillion's, for workloads and namespaces
	to        target                                                 // that they call
	listed    *answer[[]corev1.Namespace]
	installed *answer[installed]
	issued    *certs.Certificate // that writes the replicas' Secret; nil if none is known to
	pair      *pair              // of the Secret; nil if it could not be read
}

// answer remembers an answer of the cluster, or its error.
type answer[T any] struct {
	value T
	err   error
}

func (l *look) add(o Outcome, message, remedy string) {
	l.results = append(l.results, Result{Name: l.link, Outcome: o, Message: message, Remedy: remedy})
}

func (l *look) ok(format string, args ...any) { l.add(OK, fmt.Sprintf(format, args...), "") }

func (l *look) warn(message, remedy string) { l.add(Warning, message, remedy) }

func (l *look) skip(message string) { l.add(Skipped, message, "") }

// unseen reports that a link could not be checked.
func (l *look) unseen(message string) {
	l.skip(message)
	l.unread = append(l.unread, len(l.results)-1)
}

// fail reports a link that is broken.
func (l *look) fail(message, remedy string) { l.failFrom(l.step().rests, message, remedy) }

// failFrom reports a link that is broken. If one of those that it rests on is broken as
// well, that one has the remedy.
func (l *look) failFrom(rests []Link, message, remedy string) {
	if root := l.first(rests, Failed); root != "" {
		message, remedy = message+" (because of "+string(root)+", above)", ""
	}
	l.add(Failed, message, remedy)
}

func (l *look) step() step {
	all := steps()
	return all[slices.IndexFunc(all, func(s step) bool { return s.link == l.link })]
}

// first is the first link of a list with one of the outcomes; "" if there is none.
func (l *look) first(links []Link, outcomes ...Outcome) Link {
	for _, r := range l.results {
		if slices.Contains(outcomes, r.Outcome) && slices.Contains(links, r.Name) {
			return r.Name
		}
	}
	return ""
}

// notRead reports that something could not be read.
func (l *look) notRead(o object, err error) {
	if apierrors.IsForbidden(err) {
		l.forbidden(o.right())
		return
	}
	l.unseen(fmt.Sprintf("not checked: reading %s: %v", o.path(), err))
}

// forbidden reports a link for which a right is missing.
func (l *look) forbidden(right string) {
	l.unseen("not checked: you may not " + right)
	if !slices.Contains(l.missing, right) {
		l.missing = append(l.missing, right)
	}
}

// permissions sums up what could not be read for want of a right.
func (l *look) permissions(context.Context) error {
	if len(l.missing) == 0 {
		l.ok("nothing was left out for want of a right")
	}
	for _, right := range l.missing {
		l.warn("you may not "+right, "ask an administrator of the cluster for the right to "+right)
	}
	return nil
}

// and joins words for a sentence.
func and(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
