;;; bed.el --- checks that print, waits on conditions, a user who answers as told  -*- lexical-binding: t -*-

(require 'cl-lib)
(require 'eglot)
(require 'subr-x)

(defvar bed-failed 0)
(defvar bed-answers nil "What the user will answer: (PROMPT-PART . CHOICE-PART), the first that fits is used up.")
(defvar bed-asked nil "What the user was asked: (PROMPT . CHOICES), newest first.")
(defconst bed-started (float-time))
(defconst bed-wait-seconds 8)

(defun bed-say (format &rest arguments)
  "Add a line to the report."
  (let ((line (concat (apply #'format format arguments) "\n"))
        (coding-system-for-write 'utf-8))
    (write-region line nil (getenv "MAZU_TEST_REPORT") t 'quiet)))

(defun bed-check (what ok &optional extra)
  "Report whether WHAT is OK; EXTRA explains a failure."
  (unless ok (cl-incf bed-failed))
  (bed-say "%s %6.2f s  %s%s" (if ok "ok  " "FAIL") (- (float-time) bed-started) what
           (if ok "" (format " %S" extra))))

(defun bed-finish ()
  "End Emacs with 0 where nothing failed."
  (bed-say "%d failed" bed-failed)
  (let ((kill-emacs-hook nil)
        (confirm-kill-processes nil))
    (kill-emacs (if (zerop bed-failed) 0 1))))

(defun bed-wait (what met)
  "Wait until the function MET returns something, and return that; a story cannot go on after a wait in vain."
  (let ((deadline (+ (float-time) bed-wait-seconds)) value)
    (while (not (or (setq value (funcall met)) (> (float-time) deadline)))
      ;; Idle timers run in here, and that is when eglot tells the server of changes.
      (sit-for 0.05))
    (bed-check what value (list :asked bed-asked :text (buffer-string)
                                :messages (with-current-buffer "*Messages*" (buffer-string))))
    (unless value (bed-finish))
    value))

(defun bed-answer (prompt choices)
  "What the user answers to PROMPT: one of CHOICES as `bed-answers' says, or nothing."
  (push (cons prompt choices) bed-asked)
  (when-let* ((answer (cl-find-if (lambda (answer) (string-search (car answer) prompt)) bed-answers))
              (choice (cl-find-if (lambda (choice) (string-search (cdr answer) choice)) choices)))
    (setq bed-answers (delq answer bed-answers))
    choice))

(defun bed-will-answer (prompt choice)
  "The next question whose prompt contains PROMPT is answered by the one that contains CHOICE."
  (setq bed-answers (append bed-answers (list (cons prompt choice)))))

(advice-add 'completing-read :override
            (lambda (prompt collection &rest _)
              (or (bed-answer prompt (all-completions "" collection)) (signal 'quit nil))))
(advice-add 'y-or-n-p :override (lambda (prompt) (bed-answer prompt '("yes" "no")) t))

(defun bed-act (beginning end title)
  "Choose the code action that contains TITLE from BEGINNING to END."
  (bed-will-answer "Pick an action" title)
  (let ((last-nonmenu-event ?a)) ; from the keyboard, so that it is not a mouse menu
    (eglot-code-actions beginning end nil t)))

(defmacro bed-story (&rest body)
  "Run BODY once Emacs has started; an error in it is a failure."
  `(add-hook 'emacs-startup-hook
             (lambda ()
               (run-with-timer 0 nil
                               (lambda ()
                                 (condition-case problem
                                     (progn ,@body)
                                   ((error quit) (bed-check "the story runs" nil problem)))
                                 (bed-finish))))))

(setq make-backup-files nil
      auto-save-default nil
      eglot-autoshutdown nil
      eglot-confirm-server-initiated-edits nil
      eglot-confirm-server-edits nil)

(provide 'bed)
;;; bed.el ends here
