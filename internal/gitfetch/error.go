// SPDX-License-Identifier: Apache-2.0

package gitfetch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"
)

// Reason says why a fetch failed. The set is closed: it labels metrics and log lines.
type Reason string

// The reasons of an [Error].
const (
	// Unreachable: no connection, or it broke, stalled or answered that the server is
	// unwell. Likely to pass.
	Unreachable Reason = "Unreachable"
	// Unauthorized: the server wants credentials, or does not take the ones it got.
	Unauthorized Reason = "Unauthorized"
	// UntrustedHost: the server did not prove to be the one that was asked for.
	UntrustedHost Reason = "UntrustedHost"
	// NoSuchRepo: the server knows no such repository, or does not show it to us.
	NoSuchRepo Reason = "NoSuchRepo"
	// NoSuchRef: the repository has no such branch, tag or commit.
	NoSuchRef Reason = "NoSuchRef"
	// NoSuchSubdir: the commit has no such directory.
	NoSuchSubdir Reason = "NoSuchSubdir"
	// Refused: the commit holds something that must not be published.
	Refused Reason = "Refused"
	// TooLarge: the commit is over one of the budgets.
	TooLarge Reason = "TooLarge"
	// BadServer: what the server said is not git's protocol as we speak it.
	BadServer Reason = "BadServer"
	// NoSpace: the content volume is full.
	NoSpace Reason = "NoSpace"
	// Local: something else failed on our side of the connection.
	Local Reason = "Local"
	// Misconfigured: the request cannot work before somebody changes it or the files
	// that it names.
	Misconfigured Reason = "Misconfigured"
	// TimedOut: the caller's context ended first.
	TimedOut Reason = "TimedOut"
)

// Reasons lists every [Reason], for metrics that start at zero.
func Reasons() []Reason {
	return []Reason{
		Unreachable, Unauthorized, UntrustedHost, NoSuchRepo, NoSuchRef, NoSuchSubdir,
		Refused, TooLarge, BadServer, NoSpace, Local, Misconfigured, TimedOut,
	}
}

// Error is the only type of error that [Fetch] returns. It survives a trip through
// JSON. The message is one line of printable text that begins with the repository's
// URL and, if it is to blame, the commit; it says what was wrong and what would be
// right, and holds no credential.
type Error struct {
	Reason  Reason `json:"reason"`
	Message string `json:"message"`
	// Commit is set if the fault is that of a commit, which will not go away before Ref
	// means another.
	Commit string `json:"commit,omitempty"`
	// RetryAfter is how long the server asks to be left alone, at most an hour. 0: it does
	// not say.
	RetryAfter time.Duration `json:"retryAfter,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// failure becomes an [Error] when it leaves the package.
type failure struct {
	reason Reason
	format string
	args   []any
	quotes bool // of the server's own words
	commit string
	retry  time.Duration
}

// foreign is an argument of a failure that a server, a repository or a user has
// written. It is quoted, and cut if it is long.
type foreign string

func failf(reason Reason, format string, args ...any) *failure {
	return &failure{reason: reason, format: format, args: args}
}

// says adds the server's own words, if there are any.
func (f *failure) says(text string) *failure {
	if text = strings.TrimSpace(text); text == "" {
		return f
	}
	quoting := *f
	quoting.format, quoting.args, quoting.quotes = f.format+"; it says %s", append(slices.Clone(f.args), foreign(text)), true
	return &quoting
}

// blame says which commit a failure is about, if it is one that a commit can cause.
func (f *failure) blame(commit string) *failure {
	if !slices.Contains([]Reason{Refused, TooLarge, NoSuchSubdir}, f.reason) {
		return f
	}
	blaming := *f
	blaming.commit = commit
	return &blaming
}

func (f *failure) Error() string {
	return f.sentence(func(text string) string { return text })
}

func (f *failure) sentence(redact func(string) string) string {
	args := slices.Clone(f.args)
	for i, arg := range args {
		switch arg := arg.(type) {
		case foreign:
			args[i] = quote(redact(string(arg)))
		case error: // of a library, which may repeat what a server has sent
			args[i] = cut(redact(arg.Error()))
		}
	}
	return printable(fmt.Sprintf(f.format, args...))
}

// publish makes an Error that bears the repository's URL, if it has one to bear.
func (f *failure) publish(repo string, redact func(string) string) *Error {
	if repo != "" && f.commit != "" {
		repo += " at " + f.commit
	}
	if repo != "" {
		repo = printable(repo) + ": "
	}
	return &Error{Reason: f.reason, Message: repo + f.sentence(redact), Commit: f.commit, RetryAfter: f.retry}
}

// asFailure finds the failure in a chain, or makes one of what the operating system said.
func asFailure(err error) *failure {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return failf(NoSpace, "the content volume is full (%v); raise its size limit, or publish less", err)
	}
	return failf(Local, "the content volume cannot be used (%v)", err)
}

// timedOut is the error of a context that has ended.
func timedOut(ctx context.Context) *failure {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return failf(TimedOut, "did not finish in the time that one poll may take; ask for less with depth or a smaller repository, or allow more time")
	}
	return failf(TimedOut, "was stopped before it was done")
}

const maxQuoted = 200 // bytes of foreign text that an error repeats

// quote makes foreign text fit for an error: one line, printable, recognisable as
// foreign, and short.
func quote(text string) string {
	if short := text[:whole(text)]; short != text {
		return strconv.Quote(short) + "…"
	}
	return strconv.Quote(text)
}

// cut makes a string short.
func cut(text string) string {
	if short := text[:whole(text)]; short != text {
		return short + "…"
	}
	return text
}

// whole is how many bytes of a string are whole characters and not too many.
func whole(text string) int {
	if len(text) <= maxQuoted {
		return len(text)
	}
	end := maxQuoted
	for end > maxQuoted-utf8.UTFMax && !utf8.RuneStart(text[end]) {
		end--
	}
	return end
}

// printable is the last line of defence for a message: whatever else went into it, it
// stays one line that a terminal does not interpret.
func printable(message string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '�'
		}
		return r
	}, message)
}
