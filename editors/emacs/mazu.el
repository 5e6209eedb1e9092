;;; mazu.el --- A coding agent that remembers and can be undone  -*- lexical-binding: t -*-

;; Version: 0.1.0
;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Keywords: tools, languages
;; SPDX-License-Identifier: MIT

;;; Commentary:

;; mazu-ls in Emacs, on top of eglot:
;;
;;     (require 'mazu)
;;     (add-hook 'prog-mode-hook #'mazu-ensure)
;;
;; or M-x mazu in a buffer of a project.  M-x mazu-chat says something; the buffer *mazu chat* shows the conversation, as
;; the session's journal has it.  Where the agent asks, Emacs never waits: the question stands in that buffer with its whole
;; diff and is named in the mode line, until M-x mazu-allow, M-x mazu-deny or a key in that buffer answers it.
;; M-x mazu-checkpoint, mazu-rollback, mazu-undo and mazu-redo need no more words.

;;; Code:

(require 'cl-lib)
(require 'diff-mode)
(require 'eglot)
(require 'jsonrpc)
(require 'subr-x)

(defgroup mazu nil "A coding agent that remembers and can be undone." :group 'tools :prefix "mazu-")

(defcustom mazu-command '("mazu-ls") "Command line of the server." :type '(repeat string))

(defface mazu-heading '((t :inherit bold)) "Who speaks.")
(defface mazu-dim '((t :inherit shadow)) "Secondary text.")
(defface mazu-waiting '((t :inherit warning)) "What waits for the user.")

(defconst mazu--timeout 600 "Seconds that a command may take.")
(defconst mazu--page 500 "Events asked for at once.")

(defclass mazu-server (eglot-lsp-server)
  ((session :initform nil :documentation "Id of the session that the chat buffer shows.")
   (held :initform nil :documentation "Updates that came while the journal was fetched, newest first, or nil.")
   (loading :initform nil :documentation "Whether the journal is being fetched.")
   (questions :initform nil :documentation "Open questions, oldest first: (ID METHOD PARAMS)."))
  "mazu-ls as eglot knows it.")

(cl-defmethod eglot-client-capabilities ((_server mazu-server))
  "Those of eglot, and the opt-ins of docs/protocol.md."
  (let ((capabilities (copy-sequence (cl-call-next-method))))
    (plist-put capabilities :experimental '(:mazu (:updates t :permissions t :save t)))))

;;; Finding and asking the server

(defvar-local mazu--mazu nil "The server whose conversation this buffer shows.")

(defun mazu--server ()
  "The mazu-ls of this buffer or of any project, or an error that says what to do."
  (let ((current (eglot-current-server)))
    (or (and mazu--mazu (jsonrpc-running-p mazu--mazu) mazu--mazu)
        (and (cl-typep current 'mazu-server) current)
        (cl-find-if (lambda (server) (and (cl-typep server 'mazu-server) (jsonrpc-running-p server)))
                    (apply #'append (hash-table-values eglot--servers-by-project)))
        (user-error "mazu-ls does not run here; start it with M-x mazu"))))

(defun mazu--programs ()
  "What `eglot-server-programs' is for mazu-ls in this buffer."
  (list (cons (list major-mode) (cons 'mazu-server mazu-command))))

;;;###autoload
(defun mazu-ensure ()
  "Use mazu-ls as the language server of this buffer's project."
  (setq-local eglot-server-programs (mazu--programs))
  (eglot-ensure))

;;;###autoload
(defun mazu ()
  "Start mazu-ls for the project of this buffer."
  (interactive)
  (setq-local eglot-server-programs (mazu--programs))
  (call-interactively #'eglot))

(defun mazu--ask (command argument use &optional server)
  "Run COMMAND with the plist ARGUMENT on SERVER; call USE with its result.
Emacs does not wait for it."
  (jsonrpc-async-request
   (or server (mazu--server)) :workspace/executeCommand
   (list :command command :arguments (if argument (vector argument) []))
   :timeout mazu--timeout
   :success-fn (or use #'ignore)
   :error-fn (jsonrpc-lambda (&key message &allow-other-keys) (message "mazu: %s" message))))

(defun mazu--place (start end)
  "The text from START to END of this buffer as an attachment."
  (list :uri (plist-get (eglot--TextDocumentIdentifier) :uri)
        :range (list :start (eglot--pos-to-lsp-position start) :end (eglot--pos-to-lsp-position end))))

;;; The chat buffer

(defconst mazu--tail 5 "Lines of a command's output that are shown.")

(defvar-local mazu--outputs nil "Output of each tool call: (ID . TEXT).")
(defvar-local mazu--streaming nil "Where the message that streams begins, or nil.")
(defvar-local mazu--calls nil "Where the line of each tool call begins: (ID . MARKER).")
(defvar-local mazu--state "idle" "What the session does: running, waiting or idle.")

(defvar mazu-chat-mode-map
  (let ((map (make-sparse-keymap)))
    (set-keymap-parent map special-mode-map)
    (define-key map "c" #'mazu-chat)
    (define-key map "n" #'mazu-next-heading)
    (define-key map "p" #'mazu-previous-heading)
    (define-key map (kbd "C-c C-a") #'mazu-allow)
    (define-key map (kbd "C-c C-s") #'mazu-allow-session)
    (define-key map (kbd "C-c C-d") #'mazu-deny)
    (define-key map (kbd "C-c C-r") #'mazu-deny-and-say-why)
    (define-key map (kbd "C-c C-k") #'mazu-stop)
    map)
  "Keys of the chat buffer.")

(define-derived-mode mazu-chat-mode special-mode "Mazu"
  "The conversation with the agent, as its journal has it."
  (setq-local mode-line-process '(:eval (mazu--mode-line)))
  (setq-local outline-regexp "You\\b\\|Mazu\\b")
  (visual-line-mode 1))

(defun mazu--mode-line ()
  "What the session does, for the mode line."
  (if (and mazu--mazu (oref mazu--mazu questions)) " waits for you"
    (if (equal mazu--state "idle") "" (concat " " mazu--state))))

(defun mazu--buffer (server)
  "The chat buffer of SERVER, made when it is not there.
Each server that runs has one of its own; that of a server which has ended is
used again."
  (let ((buffer (or (cl-find server (buffer-list) :key (lambda (one) (buffer-local-value 'mazu--mazu one)))
                    (cl-find-if (lambda (one)
                                  (let ((other (buffer-local-value 'mazu--mazu one)))
                                    (and other (not (jsonrpc-running-p other)))))
                                (buffer-list))
                    (generate-new-buffer "*mazu chat*"))))
    (with-current-buffer buffer
      (unless (derived-mode-p 'mazu-chat-mode) (mazu-chat-mode))
      (setq mazu--mazu server))
    buffer))

(defmacro mazu--drawing (server &rest body)
  "Change the chat buffer of SERVER by BODY.
Windows that show its end keep showing it."
  (declare (indent 1))
  `(with-current-buffer (mazu--buffer ,server)
     (let* ((inhibit-read-only t)
            (end (point-max))
            (following (cl-remove-if-not (lambda (window) (>= (window-point window) end))
                                         (get-buffer-window-list nil nil t))))
       (save-excursion ,@body)
       (dolist (window following) (set-window-point window (point-max)))
       (force-mode-line-update))))

(defun mazu--add (text &optional face)
  "Insert TEXT with FACE at the end."
  (goto-char (point-max))
  (insert (if face (propertize text 'face face) text)))

(defun mazu--paragraph ()
  "Begin a paragraph at the end."
  (goto-char (point-max))
  (unless (or (bobp) (looking-back "\n\n" (max 1 (- (point) 2))))
    (insert (if (bolp) "\n" "\n\n"))))

(defun mazu--diff-body (diff)
  "The lines of DIFF without the names of its files.
A removed line \"-- x\" looks like such a name: names stand outside of hunks, in
pairs, before a hunk."
  (let ((lines (split-string (string-trim-right diff "\n+") "\n")) (old 0) (new 0) body)
    (while lines
      (let ((line (pop lines)))
        (if (and (<= old 0) (<= new 0) (string-prefix-p "--- " line)
                 (string-prefix-p "+++ " (or (car lines) "")) (string-prefix-p "@@" (or (cadr lines) "")))
            (pop lines)
          (cond ((string-match "\\`@@ -[0-9]+\\(?:,\\([0-9]+\\)\\)? \\+[0-9]+\\(?:,\\([0-9]+\\)\\)? @@" line)
                 (setq old (string-to-number (or (match-string 1 line) "1"))
                       new (string-to-number (or (match-string 2 line) "1"))))
                ((not (string-prefix-p "\\" line))
                 (unless (string-prefix-p "+" line) (cl-decf old))
                 (unless (string-prefix-p "-" line) (cl-decf new))))
          (push line body))))
    (nreverse body)))

(defun mazu--add-diff (diff)
  "Insert DIFF with its colours."
  (dolist (line (mazu--diff-body diff))
    (mazu--add (concat "    " line "\n")
               (pcase (and (> (length line) 0) (aref line 0)) (?+ 'diff-added) (?- 'diff-removed) (_ 'mazu-dim)))))

(defun mazu--sign (id sign &optional note)
  "Give the tool call ID another SIGN, and a NOTE behind it."
  (when-let ((marker (cdr (assoc id mazu--calls))))
    (goto-char marker)
    (delete-char 1)
    (insert sign)
    (set-marker marker (1- (point)))
    (when (and note (not (string-empty-p note)))
      (end-of-line)
      (insert (propertize (concat "  " (car (split-string note "\n"))) 'face 'mazu-dim)))))

(defun mazu--outcome (update)
  "The sign of a call that ended, and what is said behind it, as its UPDATE has it."
  (let ((said (string-remove-prefix "error: " (or (plist-get update :summary) ""))))
    (cond ((eq t (plist-get update :ok)) '("✓"))
          ((string-prefix-p "the user refused" said) '("–" "you refused it"))
          ((string-match-p "\\`\\(?:not allowed:\\|not run\\|the user did not answer\\)" said) (list "–" said))
          (t (list "✗" said)))))

(defun mazu--add-output (id text)
  "Show the last lines of the output of the tool call ID, of which TEXT is new."
  (when-let ((marker (cdr (assoc id mazu--calls))))
    (let ((known (or (assoc id mazu--outputs) (car (push (cons id "") mazu--outputs)))))
      (setcdr known (concat (cdr known) text))
      (goto-char (point-min))
      (when-let ((match (text-property-search-forward 'mazu-output id t)))
        (delete-region (prop-match-beginning match) (prop-match-end match)))
      (goto-char marker)
      (forward-line 1)
      (let* ((lines (last (split-string (string-trim-right (cdr known)) "\n") mazu--tail))
             (shown (mapconcat (lambda (line) (concat "    " line "\n")) lines "")))
        (insert (propertize shown 'face 'mazu-dim 'mazu-output id))))))

(defun mazu--footer (update)
  "What a turn changed and cost, as its last UPDATE has it."
  (let* ((changes (plist-get update :changes))
         (files (or (plist-get changes :files) 0))
         (checkpoints (length (plist-get update :checkpoints)))
         (usage (plist-get update :usage))
         (all (plist-get usage :costUsd))
         (cost (if (numberp all) all (plist-get usage :knownCostUsd))))
    (string-join
     (delq nil (list (and (> files 0) (format "%d %s changed  +%d -%d" files (if (= files 1) "file" "files")
                                              (or (plist-get changes :added) 0) (or (plist-get changes :removed) 0)))
                     (and (eq t (plist-get changes :uncounted)) "what its commands changed was not counted")
                     (and (or (> files 0) (eq t (plist-get changes :uncounted))) "M-x mazu-undo")
                     (and (> checkpoints 0)
                          (format "%d %s" checkpoints (if (= checkpoints 1) "checkpoint" "checkpoints")))
                     (and (numberp cost) (> cost 0)
                          (concat (and (not (numberp all)) "at least ")
                                  (and (eq t (plist-get usage :estimated)) "about ")
                                  (format "$%.3f" cost)))))
     " · ")))

(defun mazu--draw (update &optional live)
  "Insert one UPDATE of the protocol; LIVE where it streams now."
  (pcase (plist-get update :kind)
    ("user" (unless (equal "" (plist-get update :shown))
              (mazu--paragraph)
              (mazu--add "You\n" 'mazu-heading)
              (mazu--add (concat (or (plist-get update :shown) (plist-get update :text)) "\n"))
              (setq mazu--streaming nil)
              (mazu--paragraph)
              (mazu--add "Mazu\n" 'mazu-heading)))
    ("message" (unless mazu--streaming
                 (goto-char (point-max))
                 (setq mazu--streaming (copy-marker (point))))
     (mazu--add (plist-get update :text)))
    ("restart" (when mazu--streaming (delete-region mazu--streaming (point-max))))
    ("reply" (when mazu--streaming (delete-region mazu--streaming (point-max)))
     (setq mazu--streaming nil)
     (unless (string-empty-p (or (plist-get update :text) ""))
       (mazu--add (concat (string-trim-right (plist-get update :text)) "\n"))))
    ("tool_call" (setq mazu--streaming nil)
     (goto-char (point-max))
     (unless (bolp) (insert "\n"))
     (push (cons (plist-get update :callId) (copy-marker (point))) mazu--calls)
     (mazu--add (format "• %s\n" (or (plist-get update :title) (plist-get update :tool)))))
    ("tool_output" (mazu--add-output (plist-get update :callId) (plist-get update :text)))
    ("tool_result" (apply #'mazu--sign (plist-get update :callId) (mazu--outcome update))
     (goto-char (point-max))
     (when-let ((diff (plist-get update :diff))) (mazu--add-diff diff)))
    ("compacted" (mazu--paragraph) (mazu--add "The conversation so far was shortened.\n" 'mazu-dim))
    ("state" (let ((state (plist-get update :state)))
               (setq mazu--state (if (member state '("done" "ended")) "idle" state))
               (when (equal state "done")
                 (setq mazu--streaming nil)
                 (when live (mazu--catch-up))
                 (unless (equal "end_turn" (plist-get update :stopReason))
                   (mazu--paragraph)
                   (mazu--add (format "%s\n" (or (plist-get update :detail) (plist-get update :stopReason))) 'warning))
                 (let ((footer (mazu--footer update)))
                   (unless (string-empty-p footer)
                     (mazu--paragraph)
                     (mazu--add (concat footer "\n") 'mazu-dim))))))
    ("head" (when live (mazu--load mazu--mazu (oref mazu--mazu session))))))

(defun mazu--load (server session)
  "Fetch the journal of SESSION from SERVER and draw the chat buffer from it."
  (oset server session session)
  (oset server loading t)
  (let (events)
    (cl-labels
        ((page (after)
           (mazu--ask "mazu.session.events" (list :sessionId session :after after :limit mazu--page)
                      (lambda (result)
                        (setq events (append events (append (plist-get result :events) nil)))
                        (if (plist-get result :next)
                            (page (plist-get result :next))
                          (mazu--redraw server events result)))
                      server)))
      (page 0))))

(defun mazu--draw-taken (turns)
  "Say how many of TURNS were undone here; nil."
  (when-let ((known (delq nil turns)))
    (mazu--paragraph)
    (mazu--add (format "⟲ %d %s undone · M-x mazu-redo\n" (length known) (if (cdr known) "turns" "turn")) 'mazu-dim)
    nil))

(defun mazu--redraw (server events result)
  "Draw EVENTS of SERVER, the last page of which was RESULT.
What came meanwhile is drawn too."
  (mazu--drawing server
    (erase-buffer)
    (setq mazu--calls nil mazu--outputs nil mazu--streaming nil)
    (let ((taken nil))
      (dolist (event events)
        (if (eq t (plist-get event :live))
            (progn (setq taken (mazu--draw-taken taken)) (mazu--draw (plist-get event :update)))
          (cl-pushnew (plist-get event :turnId) taken :test #'equal)))
      (mazu--draw-taken taken))
    (when-let ((text (plist-get (plist-get result :partial) :message)))
      (unless (string-empty-p text) (mazu--draw (list :kind "message" :text text))))
    (setq mazu--state (plist-get result :state))
    (when (equal mazu--state "ended") (setq mazu--state "idle"))
    (dolist (held (reverse (oref server held)))
      (when (> (car held) (or (plist-get result :updates) 0)) (mazu--draw (cdr held) t)))
    (mazu--draw-questions server))
  (oset server held nil)
  (oset server loading nil))

(cl-defmethod eglot-handle-notification
  ((server mazu-server) (_method (eql mazu/session/update)) &key sessionId seq update &allow-other-keys)
  "Draw what a turn does as it does it."
  (cond ((not (equal sessionId (oref server session))) (unless (oref server loading) (mazu--load server sessionId)))
        ((oref server loading) (oset server held (cons (cons seq update) (oref server held))))
        (t (mazu--drawing server (mazu--draw update t)))))

(cl-defmethod eglot-handle-notification
  ((server mazu-server) (_method (eql mazu/permission/resolved)) &key callId &allow-other-keys)
  "A question was decided, here or elsewhere."
  (mazu--close server (lambda (question) (equal callId (plist-get (nth 2 question) :callId)))))

(cl-defmethod eglot-handle-notification ((_server mazu-server) (_method (eql mazu/changed)) &rest _)
  "Nothing is cached here."
  nil)

;;; Saving before a command runs

(defun mazu--save (uri)
  "Save the buffer of URI; non-nil where nothing is unsaved afterwards.
A file that somebody else changed meanwhile is never written over."
  (let ((buffer (find-buffer-visiting (eglot--uri-to-path uri))))
    (or (not buffer)
        (with-current-buffer buffer
          (or (not (buffer-modified-p))
              (and (verify-visited-file-modtime buffer)
                   (condition-case problem
                       (progn (let ((inhibit-message t)) (basic-save-buffer)) (not (buffer-modified-p)))
                     (error (message "mazu: %s" (error-message-string problem)) nil))))))))

(cl-defmethod eglot-handle-request
  ((_server mazu-server) (_method (eql mazu/documents/save)) &key uris &allow-other-keys)
  "Save what the agent's command is about to read."
  (let (saved failed)
    (mapc (lambda (uri) (if (mazu--save uri) (push uri saved) (push uri failed))) uris)
    (list :saved (vconcat (nreverse saved)) :failed (vconcat (nreverse failed)))))

;;; Files that change on disk, without a question about each

(defun mazu--stale-buffers ()
  "Buffers without unsaved text whose files changed since they were read."
  (cl-remove-if-not
   (lambda (buffer)
     (and (buffer-file-name buffer)
          (not (buffer-modified-p buffer))
          (file-exists-p (buffer-file-name buffer))
          (not (verify-visited-file-modtime buffer))))
   (buffer-list)))

(defun mazu--same-as-file-p ()
  "Whether this buffer has the text that its file has."
  (let ((file buffer-file-name)
        (coding-system-for-read buffer-file-coding-system)
        (text (save-restriction (widen) (buffer-substring-no-properties (point-min) (point-max)))))
    (with-temp-buffer
      (insert-file-contents file)
      (string= text (buffer-string)))))

(defun mazu--catch-up ()
  "Read again what changed on disk, where nothing is unsaved."
  (dolist (buffer (mazu--stale-buffers))
    (with-current-buffer buffer
      (let ((inhibit-message t)) (revert-buffer t t t)))))

(defvar eglot-confirm-server-edits) ; its name from Emacs 30 on, where the other is an alias
(defvar eglot-confirm-server-initiated-edits)

(cl-defmethod eglot-handle-request :around
  ((_server mazu-server) (_method (eql workspace/applyEdit)) &rest _)
  "Edit without a second question: the server has asked what is to be asked.
A rollback writes files and then edits their buffers.
Emacs would ask about each whether to read it again."
  (let ((eglot-confirm-server-edits nil)
        (eglot-confirm-server-initiated-edits nil)
        (stale (mapcar (lambda (buffer) (cons buffer (with-current-buffer buffer (visited-file-modtime))))
                       (mazu--stale-buffers))))
    (dolist (one stale) (with-current-buffer (car one) (set-visited-file-modtime)))
    (unwind-protect (cl-call-next-method)
      (dolist (one stale)
        (when (buffer-live-p (car one))
          (with-current-buffer (car one)
            (if (mazu--same-as-file-p)
                (set-buffer-modified-p nil)
              (set-visited-file-modtime (cdr one)))))))))

;;; Questions: Emacs never waits for an answer

(defun mazu--receive (receive connection message &rest more)
  "Keep the questions of a `mazu-server' CONNECTION instead of waiting for them.
Around `jsonrpc-connection-receive' (RECEIVE): MESSAGE is the request, MORE is
handed on."
  (let ((method (plist-get message :method)))
    (if (and (cl-typep connection 'mazu-server)
             (plist-get message :id)
             (member method '("mazu/permission/request" "window/showMessageRequest")))
        (mazu--asked connection (plist-get message :id) method (plist-get message :params))
      (apply receive connection message more))))

(advice-add 'jsonrpc-connection-receive :around #'mazu--receive)

(defun mazu--title (question)
  "What QUESTION asks, in a line."
  (let ((params (nth 2 question)))
    (car (split-string (or (plist-get params :title) (plist-get params :message) "") "\n"))))

(defun mazu--asked (server id method params)
  "Keep the request ID of SERVER: METHOD with PARAMS."
  (let ((question (list id method params)))
    (oset server questions (append (oref server questions) (list question)))
    (mazu--drawing server (mazu--draw-question question))
    (display-buffer (mazu--buffer server) '((display-buffer-reuse-window display-buffer-in-side-window) (side . right)
                                            (window-width . 0.4)))
    (message "Mazu waits for you: %s (M-x mazu-allow, M-x mazu-deny)" (mazu--title question))))

(defun mazu--rollback-keys (options)
  "What answers a question about the user's own work with one of OPTIONS."
  (let ((first (cl-find "allow_once" options :key (lambda (one) (plist-get one :kind)) :test #'equal)))
    (mapconcat
     (lambda (option)
       (concat (cond ((eq option first) "C-c C-a ")
                     ((equal "deny" (plist-get option :kind)) "C-c C-d ")
                     (t "M-x mazu-answer "))
               (plist-get option :label)))
     options " · ")))

(defun mazu--permission-keys (options)
  "What answers a question about a tool call, of those OPTIONS that it has."
  (string-join
   (delq nil
         (mapcar (lambda (option)
                   (pcase (plist-get option :kind)
                     ("allow_once" "C-c C-a allow")
                     ("allow_session" "C-c C-s in this session")
                     ("allow_always" "M-x mazu-allow-always")
                     ("deny" "C-c C-d deny · C-c C-r deny and say why")))
                 options))
   " · "))

(defun mazu--draw-question (question)
  "Insert QUESTION with all that would happen."
  (let ((params (nth 2 question)) (start nil))
    (mazu--paragraph)
    (setq start (point))
    (mazu--add (format "? %s\n" (mazu--title question)) 'mazu-waiting)
    (when (and (plist-get params :diff) (member (plist-get params :tool) '("mazu.rollback" "mazu.undo")))
      (mazu--add (concat (plist-get params :detail) "\n")))
    (if-let ((diff (plist-get params :diff)))
        (progn
          (mazu--add-diff diff)
          (when-let ((reason (plist-get params :reason)))
            (mazu--add (format "Asked because %s\n" reason) 'mazu-dim)))
      (let ((rest (or (plist-get params :detail)
                      (string-join (cdr (split-string (or (plist-get params :message) "") "\n")) "\n"))))
        (unless (string-empty-p rest) (mazu--add (concat rest "\n")))))
    (mazu--add (cond
                ((string-prefix-p "mazu." (or (plist-get params :tool) ""))
                 (concat (mazu--rollback-keys (append (plist-get params :options) nil)) "\n"))
                ((equal (nth 1 question) "mazu/permission/request")
                 (concat (mazu--permission-keys (append (plist-get params :options) nil)) "\n"))
                (t (format "M-x mazu-answer: %s\n"
                         (mapconcat (lambda (action) (plist-get action :title)) (plist-get params :actions) ", "))))
               'mazu-dim)
    (put-text-property start (point-max) 'mazu-question (car question))))

(defun mazu--draw-questions (server)
  "Insert the open questions of SERVER."
  (mapc #'mazu--draw-question (oref server questions)))

(defun mazu--close (server fits)
  "Take the questions of SERVER away that FITS."
  (dolist (question (cl-remove-if-not fits (oref server questions)))
    (oset server questions (remq question (oref server questions)))
    (mazu--drawing server
      (goto-char (point-min))
      (when-let ((match (text-property-search-forward 'mazu-question (car question) t)))
        (delete-region (prop-match-beginning match) (prop-match-end match))))))

(defun mazu--reply (server question result)
  "Answer QUESTION of SERVER with RESULT."
  (jsonrpc-connection-send server :id (car question) :result result)
  (mazu--close server (lambda (other) (eq other question))))

(defun mazu--answer (kind &optional note)
  "Answer the oldest open question with its option of KIND; the model gets NOTE."
  (let* ((server (mazu--server))
         (question (or (car (oref server questions)) (user-error "Nothing is asked")))
         (option (cl-find kind (plist-get (nth 2 question) :options)
                          :key (lambda (one) (plist-get one :kind)) :test #'equal)))
    (unless option (user-error "That is not offered here; M-x mazu-answer lists what is"))
    (mazu--reply server question (append (list :optionId (plist-get option :id)) (and note (list :note note))))))

(defun mazu-allow () "Allow the pending call once." (interactive) (mazu--answer "allow_once"))
(defun mazu-allow-session () "Allow such calls in this session." (interactive) (mazu--answer "allow_session"))
(defun mazu-allow-always () "Always allow such calls in this project." (interactive) (mazu--answer "allow_always"))
(defun mazu-deny () "Deny the pending call." (interactive) (mazu--answer "deny"))
(defun mazu-deny-and-say-why (note)
  "Deny the pending call; the model gets NOTE."
  (interactive "sWhat should be done instead? ")
  (mazu--answer "deny" note))

(defun mazu-answer ()
  "Choose an answer to the oldest open question."
  (interactive)
  (let* ((server (mazu--server))
         (question (or (car (oref server questions)) (user-error "Nothing is asked")))
         (params (nth 2 question))
         (choices (append (mapcar (lambda (one) (cons (plist-get one :label) (list :optionId (plist-get one :id))))
                                  (plist-get params :options))
                          (mapcar (lambda (one) (cons (plist-get one :title) one)) (plist-get params :actions)))))
    (mazu--reply server question
                 (cdr (assoc (completing-read (concat (mazu--title question) " ") choices nil t) choices)))))

;;; Commands

(defun mazu-next-heading () "Go to the next heading." (interactive) (end-of-line) (re-search-forward "^\\(You\\|Mazu\\)$" nil t))
(defun mazu-previous-heading () "Go to the previous heading." (interactive) (beginning-of-line)
  (re-search-backward "^\\(You\\|Mazu\\)$" nil t))

;;;###autoload
(defun mazu-chat (message)
  "Say MESSAGE to the agent, with the region attached where it is active."
  (interactive "sSay: ")
  (let* ((server (mazu--server))
         (places (and (use-region-p) (vector (mazu--place (region-beginning) (region-end)))))
         (session (oref server session)))
    (display-buffer (mazu--buffer server) '((display-buffer-reuse-window display-buffer-in-side-window) (side . right)
                                            (window-width . 0.4)))
    (mazu--ask "mazu.chat" (append (list :message message :queue t)
                                   (and session (list :sessionId session))
                                   (and places (list :attachments places)))
               (lambda (result)
                 (unless (equal (plist-get result :sessionId) (oref server session))
                   (mazu--load server (plist-get result :sessionId)))))))

(defun mazu--show (server session)
  "Show the conversation SESSION of SERVER in its chat buffer."
  (display-buffer (mazu--buffer server) '((display-buffer-reuse-window display-buffer-in-side-window) (side . right)
                                          (window-width . 0.4)))
  (mazu--load server session))

(defun mazu-new ()
  "Begin a new conversation."
  (interactive)
  (let ((server (mazu--server)))
    (mazu--ask "mazu.session.new" nil (lambda (result) (mazu--show server (plist-get result :id))) server)))

(defun mazu-open ()
  "Choose a conversation and show it."
  (interactive)
  (let ((server (mazu--server)))
    (mazu--ask
     "mazu.session.list" nil
     (lambda (result)
       (let* ((choices (mapcar (lambda (one)
                                (cons (if (member (plist-get one :name) '(nil "")) "New conversation" (plist-get one :name)) one))
                              (plist-get result :sessions)))
              (chosen (cdr (assoc (completing-read "Conversation: " choices nil t) choices))))
         (when chosen (mazu--show server (plist-get chosen :id)))))
     server)))

(defun mazu-stop () "Stop the running turn." (interactive)
  (mazu--ask "mazu.cancel" nil (lambda (result)
                                 (message (if (eq t (plist-get result :cancelled)) "Stopped" "Nothing is running")))))

(defun mazu-checkpoint (label)
  "Take a checkpoint of code, buffers, memory and conversation, called LABEL."
  (interactive "sLabel: ")
  (mazu--ask "mazu.checkpoint" (and (not (string-empty-p label)) (list :label label))
             (lambda (_) (message "Checkpoint taken"))))

(defun mazu--name (checkpoint)
  "What CHECKPOINT is called: the user's words."
  (let ((title (plist-get checkpoint :title)))
    (if (member title '(nil "")) (plist-get checkpoint :label) title)))

(defun mazu--left-alone (plan)
  "What of PLAN was not restored, or was moved, by reason."
  (mapconcat
   (lambda (kind)
     (mapconcat
      (lambda (same)
        (let ((names (mapcar (lambda (one) (plist-get one :path)) (cdr same))))
          (format "; %s: %s%s (%s)" (cdr kind) (string-join (seq-take names 3) ", ")
                  (if (> (length names) 3) (format " and %d more" (- (length names) 3)) "")
                  (car same))))
      (seq-group-by (lambda (one) (plist-get one :reason)) (plist-get plan (car kind))) ""))
   '((:conflicts . "not undone") (:keep . "kept") (:setAside . "set aside")) ""))

(defun mazu--problem (item)
  "What is said of a file ITEM that could not be restored: its name and why."
  (let ((path (plist-get item :path)))
    (format "%s: %s"
            (if (string-prefix-p "file:" path) (file-name-nondirectory (url-unhex-string path)) path)
            (plist-get item :reason))))

(defun mazu--report (result &optional redone)
  "Report the RESULT of a rollback, and what of it was not done; of a redo if REDONE."
  (mazu--catch-up)
  (let ((name (mazu--name (plist-get result :checkpoint)))
        (problems (plist-get result :problems)))
    (if (not (eq t (plist-get result :applied)))
        (message "Nothing was rolled back (\"%s\")" name)
      (message "%s%s%s%s; M-x %s undoes this" (if redone "Redone" (format "Back at \"%s\"" name))
               (if (eq t (plist-get result :verified)) ", verified" "")
               (mazu--left-alone (plist-get result :plan))
               (if (seq-empty-p problems) ""
                 (concat "; not restored: " (mapconcat #'mazu--problem problems ", ")))
               (if redone "mazu-undo" "mazu-redo")))))

(defun mazu--of-session ()
  "The conversation that the chat buffer shows, as an argument of a command."
  (when-let ((session (oref (mazu--server) session))) (list :sessionId session)))

(defun mazu-undo () "Undo the last turn: code, memory and conversation." (interactive)
  (mazu--ask "mazu.undo" (mazu--of-session) #'mazu--report))
(defun mazu-redo () "Redo: revert the last undo or rollback." (interactive)
  (mazu--ask "mazu.redo" (mazu--of-session) (lambda (result) (mazu--report result t))))

(defun mazu-rollback ()
  "Choose a checkpoint, review what would change, then roll back with C-c C-c."
  (interactive)
  (mazu--ask
   "mazu.checkpoint.list" nil
   (lambda (result)
     (let* ((choices (mazu--choices (plist-get result :checkpoints)))
            (table (lambda (typed predicate action)
                     (if (eq action 'metadata) '(metadata (display-sort-function . identity) (cycle-sort-function . identity))
                       (complete-with-action action choices typed predicate))))
            (chosen (cdr (assoc (completing-read "Roll back to: " table nil t) choices))))
       (when chosen (mazu--preview chosen))))))

(defun mazu--choices (checkpoints)
  "An alist of CHECKPOINTS by their words and times; of those that would read the same, the older ones are numbered."
  (let (found)
    (dolist (one (append checkpoints nil) (nreverse found))
      (let* ((at (date-to-time (plist-get one :createdAt)))
             (today (equal (format-time-string "%F" at) (format-time-string "%F")))
             (name (format "%s  %s" (mazu--name one) (format-time-string (if today "%H:%M" "%F %H:%M") at)))
             (key name) (count 1))
        (while (assoc key found)
          (setq count (1+ count) key (format "%s (%d)" name count)))
        (push (cons key one) found)))))

(defun mazu--plan-lines (plan)
  "What PLAN says of files beyond the diff below it, a line for each."
  (mapconcat
   (lambda (kind)
     (mapconcat (lambda (one) (format "# %s: %s (%s)\n" (cdr kind) (plist-get one :path) (plist-get one :reason)))
                (plist-get plan (car kind)) ""))
   '((:conflicts . "You changed this too") (:keep . "This stays as it is") (:setAside . "This is moved away")) ""))

(defun mazu--preview (checkpoint)
  "Show what changed since CHECKPOINT, with the key that goes back there."
  (let ((id (plist-get checkpoint :id)) (server (mazu--server)))
    (mazu--ask
     "mazu.rollback" (list :id id :preview t)
     (lambda (planned)
       (mazu--ask "mazu.checkpoint.diff" (list :id id)
                  (lambda (result)
                    (mazu--show-preview server checkpoint (plist-get planned :plan) (plist-get result :patch)))
                  server))
     server)))

(defun mazu--show-preview (server checkpoint plan patch)
  "Show the PLAN of a rollback to CHECKPOINT and what changed since (PATCH); keys in its buffer ask SERVER to do it."
  (with-current-buffer (get-buffer-create "*mazu rollback*")
    (let ((inhibit-read-only t))
      (erase-buffer)
      (insert (format "# Back to \"%s\": C-c C-c rolls back, q leaves it\n" (mazu--name checkpoint))
              (mazu--plan-lines plan)
              "# What is there now is kept, so this can be undone. Changed since then:\n\n" patch))
    (diff-mode)
    (setq buffer-read-only t)
    (goto-char (point-min))
    (use-local-map (make-composed-keymap (make-sparse-keymap) diff-mode-map))
    (local-set-key "q" #'quit-window)
    (local-set-key (kbd "C-c C-c")
                   (lambda () (interactive) (quit-window)
                     (mazu--ask "mazu.rollback" (list :id (plist-get checkpoint :id)) #'mazu--report server)))
    (pop-to-buffer (current-buffer))))

(defun mazu-remember (title)
  "Remember TITLE, anchored to the region where it is active."
  (interactive "sRemember: ")
  (mazu--ask "mazu.remember"
             (append (list :title title)
                     (and (use-region-p)
                          (list :anchors (vector (mazu--place (region-beginning) (region-end))))))
             (lambda (result) (message "%s" (mazu--remembered result)))))

(defun mazu--remembered (result)
  "The outcome of remembering, with the memory that it replaced and those that it is much like, as RESULT has them."
  (let ((title (plist-get (plist-get result :memory) :title)) (replaced (plist-get result :replaced)))
    (concat
     (format (if (equal (plist-get result :outcome) "duplicate") "Already known: \"%s\"" "Remembered: \"%s\"") title)
     (if replaced (format ", instead of \"%s\"" (plist-get replaced :title)) "")
     (mapconcat (lambda (other)
                  (format "; much like \"%s\"" (plist-get other :title)))
                (plist-get result :alike) ""))))

(provide 'mazu)
;;; mazu.el ends here
