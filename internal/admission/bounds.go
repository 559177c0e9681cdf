// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"fmt"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pillion-dev/pillion/internal/inject"
	"github.com/pillion-dev/pillion/internal/inject/plan"
	"github.com/pillion-dev/pillion/internal/inject/reason"
	"github.com/pillion-dev/pillion/internal/jsonscan"
)

// What a caller wrote can be as long as the largest body, and be there many times in an
// answer: for each helper, for each container, quoted. These bound it, in bytes.
const (
	maxValue   = 256     // of a value that is wrong
	maxDetail  = 1 << 10 // of what is said about one mistake
	maxMessage = 8 << 10 // of a denial's message, an audit annotation or a line's list
	maxListed  = 20      // elements of a list there
	maxPatch   = 1 << 20 // of a patch; etcd takes no object of more than 1.5 MiB
)

// boundProblems shortens what problems say. Their sentences are short unless somebody has
// made them long.
func boundProblems(problems []reason.Problem) {
	for i := range problems {
		err := *problems[i].Error
		err.Field, err.Detail = jsonscan.ShownField(err.Field), jsonscan.Shortened(err.Detail, maxDetail)
		if text, is := err.BadValue.(string); is {
			err.BadValue = jsonscan.Shortened(text, maxValue)
		}
		problems[i].Error = &err
	}
}

// bounded is a decision whose problems are.
func bounded(d inject.Decision) inject.Decision {
	boundProblems(d.Problems)
	boundProblems(d.Violations)
	return d
}

// few are the first of a list, and how many more there are.
func few(list []string) []string {
	if more := len(list) - maxListed; more > 0 {
		return append(list[:maxListed:maxListed], fmt.Sprintf("and %d more", more))
	}
	return list
}

// tooLong denies a pod whose patch repeats too much of what the pod says itself, such as
// the words of a command behind a wrapper that is renewed.
func tooLong(d inject.Decision, length int, at Template) inject.Decision {
	problem := field.Invalid(at.Path().Child("spec"), length, fmt.Sprintf("is the length in bytes of the patch that adds the helpers; at most %d are sent; ask for fewer helpers, or shorten the pod's commands", maxPatch))
	d.Result, d.Reason, d.Plan, d.Helpers = reason.Denied, reason.TooMany, plan.Plan{}, nil
	d.Problems = []reason.Problem{{Reason: reason.TooMany, Error: problem}}
	return d
}
