!> hottune.f90 - the module hottune: tune a training written in Fortran (docs/fortran.md; hottune.h says what the calls do).
!>
!> Everything is an `ht_kernel` and a call. Calls take an optional `status`: HT_OK, or what went wrong, of which
!> ht_message(k) tells the rest; without it a failure is only in the message. Nothing here stops the program.
!>
!> What is registered (knobs, arrays) is not copied: the library reads and writes it in later calls. It must have the
!> attribute `target` (a module variable, or one of the main program), stay allocated and where it is until ht_free.
!>
!> C's structs are repeated below (`c_..`); tests/fortran compares them with the headers.
module hottune
    use, intrinsic :: iso_c_binding
    use, intrinsic :: iso_fortran_env, only: int8, int32, int64, real32, real64
    implicit none
    private

    integer, parameter :: name_max = 64, items_max = 8      ! HT_NAME_MAX, HT_ITEMS_MAX

    enum, bind(c)
        enumerator :: HT_OK, HT_EINVAL, HT_ENOMEM, HT_EEMPTY, HT_EFORMAT, HT_ENOTFOUND, HT_EIO, HT_EREFUSED, HT_EFAILED, &
            HT_ETIMEOUT, HT_ECOMM
    end enum
    enum, bind(c)
        enumerator :: HT_FIT_START, HT_TRAIN_BATCH_END, HT_VAL_EPOCH_END, HT_RUN_END
    end enum
    enum, bind(c)
        enumerator :: HT_LINEAR, HT_LOG
    end enum
    enum, bind(c)
        enumerator :: HT_FLOAT32, HT_FLOAT64, HT_BFLOAT16, HT_INT32, HT_INT64, HT_BYTES
    end enum
    enum, bind(c)
        enumerator :: HT_AVERAGE, HT_COPY
    end enum
    enum, bind(c)
        enumerator :: HT_VALUE_NONE, HT_VALUE_NULL, HT_VALUE_BOOL, HT_VALUE_INT, HT_VALUE_REAL, HT_VALUE_TEXT, HT_VALUE_LIST
    end enum

    public :: HT_OK, HT_EINVAL, HT_ENOMEM, HT_EEMPTY, HT_EFORMAT, HT_ENOTFOUND, HT_EIO, HT_EREFUSED, HT_EFAILED, &
        HT_ETIMEOUT, HT_ECOMM, HT_FIT_START, HT_TRAIN_BATCH_END, HT_VAL_EPOCH_END, HT_RUN_END, HT_LINEAR, HT_LOG
    public :: ht_kernel, ht_result, ht_progress, ht_text_procedure, ht_init_procedure, ht_validate_procedure, &
        ht_progress_procedure, ht_set_real_procedure, ht_set_int_procedure, ht_set_bool_procedure, ht_set_text_procedure, &
        ht_get_real_procedure, ht_fetch_procedure, ht_store_procedure, ht_source_procedure
    public :: ht_open, ht_close, ht_free, ht_message, ht_status_text, ht_is_replica, ht_replica, ht_replicas, ht_replica_comm, &
        ht_knob, ht_optimizer, ht_training_state, ht_training_part, ht_replica_state, ht_on_init, ht_on_validate, ht_metric, &
        ht_metric_source, ht_running, ht_apply, &
        ht_watches_batches, ht_is_best, ht_is_champion, ht_has_left, ht_show_best, ht_report_result, ht_result_of

    !> How a run stands; of the replica that is furthest. `best` is NaN as long as there is none.
    type, bind(c) :: ht_progress
        integer(c_long_long) :: step, epoch, max_steps
        integer(c_int) :: replicas, training
        real(c_double) :: best
        integer(c_long) :: accepted, rejected
        real(c_double) :: elapsed_s
        integer(c_int) :: lost, best_replica, islands
        real(c_double) :: done, epochs, epochs_total, utilisation
        type(c_ptr) :: stage            !< text of C, of a pooled run; else null
    end type

    !> What a run came to (ht_result in hottune.h).
    type, bind(c) :: ht_result
        integer(c_long) :: mutations = 0, accepted = 0, rejected = 0
        real(c_double) :: best = 0
        integer(c_long_long) :: best_step = 0
        integer(c_int) :: best_replica = -1
        real(c_double) :: val = 0, test = 0
        integer(c_int) :: lost = 0
    end type

    abstract interface
        !> Begin anew: the same for the same seed, on any replica. `status` comes as HT_OK.
        subroutine ht_init_procedure(seed, status)
            import :: int64
            integer(int64), intent(in) :: seed
            integer, intent(inout) :: status
        end subroutine
        !> The objective of the present weights; no effect on the training. `status` comes as HT_OK.
        subroutine ht_validate_procedure(objective, status)
            import :: real64
            real(real64), intent(out) :: objective
            integer, intent(inout) :: status
        end subroutine
        !> Told a text: a warning, or the plan of the run in lines.
        subroutine ht_text_procedure(text)
            character(*), intent(in) :: text
        end subroutine
        !> Told on the coordinator, several times a second, how the run stands.
        subroutine ht_progress_procedure(p)
            import :: ht_progress
            type(ht_progress), intent(in) :: p
        end subroutine
        !> Put the value of a knob into the training. `status` comes as HT_OK.
        subroutine ht_set_real_procedure(value, status)
            import :: real64
            real(real64), intent(in) :: value
            integer, intent(inout) :: status
        end subroutine
        subroutine ht_set_int_procedure(value, status)
            import :: int64
            integer(int64), intent(in) :: value
            integer, intent(inout) :: status
        end subroutine
        subroutine ht_set_bool_procedure(value, status)
            logical, intent(in) :: value
            integer, intent(inout) :: status
        end subroutine
        subroutine ht_set_text_procedure(value, status)
            character(*), intent(in) :: value
            integer, intent(inout) :: status
        end subroutine
        !> What the training holds now, where a schedule of the program may move it.
        subroutine ht_get_real_procedure(value)
            import :: real64
            real(real64), intent(out) :: value
        end subroutine
        !> Write a part of the training state into `to`, all of its bytes. `status` comes as HT_OK.
        subroutine ht_fetch_procedure(to, status)
            import :: int8
            integer(int8), intent(out) :: to(:)
            integer, intent(inout) :: status
        end subroutine
        !> Take a part of the training state from `from`. `status` comes as HT_OK.
        subroutine ht_store_procedure(from, status)
            import :: int8
            integer(int8), intent(in) :: from(:)
            integer, intent(inout) :: status
        end subroutine
        !> The value of a metric; `known` comes as .false.
        subroutine ht_source_procedure(name, value, known)
            import :: real64
            character(*), intent(in) :: name
            real(real64), intent(out) :: value
            logical, intent(inout) :: known
        end subroutine
    end interface

    !> What stands behind one knob or one part of the state.
    type :: hook
        procedure(ht_set_real_procedure), pointer, nopass :: set_real => null()
        procedure(ht_set_int_procedure), pointer, nopass :: set_int => null()
        procedure(ht_set_bool_procedure), pointer, nopass :: set_bool => null()
        procedure(ht_set_text_procedure), pointer, nopass :: set_text => null()
        procedure(ht_get_real_procedure), pointer, nopass :: get => null()
        procedure(ht_fetch_procedure), pointer, nopass :: fetch => null()
        procedure(ht_store_procedure), pointer, nopass :: store => null()
        integer(c_size_t) :: bytes = 0
        type(hook), pointer :: next => null()
    end type

    !> What the library's callbacks find behind their `ctx`: the program's procedures.
    type :: procedures
        procedure(ht_init_procedure), pointer, nopass :: init => null()
        procedure(ht_validate_procedure), pointer, nopass :: validate => null()
        procedure(ht_text_procedure), pointer, nopass :: plan => null(), warning => null()
        procedure(ht_progress_procedure), pointer, nopass :: progress => null()
        procedure(ht_source_procedure), pointer, nopass :: source => null()
        type(hook), pointer :: hooks => null()
    end type

    !> A run. Hand on this variable, not copies of it; ht_free ends it.
    type :: ht_kernel
        private
        type(c_ptr) :: handle = c_null_ptr
        type(procedures), pointer :: theirs => null()
        character(:), allocatable :: refusal        !< why this module refused the last call
    end type

    type, bind(c) :: c_options
        type(c_ptr) :: comm = c_null_ptr
        logical(c_bool) :: no_mpi = .false.
        integer(c_int) :: ranks_per_replica = 0
        type(c_ptr) :: run_dir = c_null_ptr, recipe = c_null_ptr, recipe_text = c_null_ptr, study = c_null_ptr
        type(c_ptr) :: name = c_null_ptr
        integer(c_long_long) :: seed = 0, max_steps = 0
        integer(c_int) :: max_epochs = 0
        type(c_ptr) :: recipe_set = c_null_ptr, recipe_unless_given = c_null_ptr
        integer(c_int) :: ema_every = 0
        logical(c_bool) :: check_transfers = .false.
        type(c_funptr) :: plan = c_null_funptr
        type(c_ptr) :: plan_ctx = c_null_ptr
        type(c_ptr) :: mode = c_null_ptr, replay = c_null_ptr
        logical(c_bool) :: resume = .false.
        type(c_ptr) :: program = c_null_ptr
        real(c_double) :: checkpoint_s = 0
        integer(c_long_long) :: checkpoint_bytes = 0
        type(c_ptr) :: leave = c_null_ptr
        real(c_double) :: end_time = 0, patience_s = 0
        logical(c_bool) :: fail_on_error = .false.
        type(c_funptr) :: warning = c_null_funptr
        type(c_ptr) :: warning_ctx = c_null_ptr
        type(c_funptr) :: progress = c_null_funptr
        type(c_ptr) :: progress_ctx = c_null_ptr
        type(c_funptr) :: event = c_null_funptr
        type(c_ptr) :: event_ctx = c_null_ptr
    end type

    type, bind(c) :: c_env
        integer(c_long_long) :: step = 0
        real(c_double) :: epoch = 0
        integer(c_long_long) :: max_steps = 0
        real(c_double) :: loss = 0
        logical(c_bool) :: anomaly_critical = .false., grad_spike = .false.
        type(c_ptr) :: phase = c_null_ptr
    end type

    type, bind(c) :: c_buffer
        type(c_ptr) :: name, data
        integer(c_size_t) :: count
        integer(c_int) :: element, use
        logical(c_bool) :: is_weights
    end type

    type, bind(c) :: c_scalar
        integer(c_int) :: kind = HT_VALUE_NONE
        real(c_double) :: number = 0
        character(kind=c_char) :: text(name_max) = c_null_char
    end type

    type, bind(c) :: c_value
        integer(c_int) :: kind = HT_VALUE_NONE
        type(c_scalar) :: scalar
        integer(c_size_t) :: n_items = 0
        type(c_scalar) :: items(items_max)
    end type

    type, bind(c) :: c_knob
        type(c_ptr) :: actuator = c_null_ptr, name = c_null_ptr, type = c_null_ptr
        type(c_value) :: initial
        logical(c_bool) :: bounded = .false.
        real(c_double) :: lo = 0, hi = 0
        type(c_ptr) :: choices = c_null_ptr
        integer(c_size_t) :: n_choices = 0
        type(c_ptr) :: metric = c_null_ptr
        type(c_funptr) :: set = c_null_funptr
        type(c_ptr) :: ctx = c_null_ptr
        type(c_funptr) :: get = c_null_funptr
    end type

    type, bind(c) :: c_group
        type(c_ptr) :: lr = c_null_ptr, base_lr = c_null_ptr, weight_decay = c_null_ptr, betas = c_null_ptr
    end type

    interface
        function c_open(options, out) bind(c, name='ht_open') result(status)
            import :: c_options, c_ptr, c_int
            type(c_options), intent(in) :: options
            type(c_ptr), intent(inout) :: out
            integer(c_int) :: status
        end function
        function c_options_size() bind(c, name='ht_options_size') result(size)
            import :: c_size_t
            integer(c_size_t) :: size
        end function
        function c_comm(handle) bind(c, name='MPI_Comm_f2c') result(comm)     ! a function in Open MPI
            import :: c_ptr, c_int
            integer(c_int), value :: handle
            type(c_ptr) :: comm
        end function
        function c_comm_back(comm) bind(c, name='MPI_Comm_c2f') result(handle)
            import :: c_ptr, c_int
            type(c_ptr), value :: comm
            integer(c_int) :: handle
        end function
        function c_strlen(text) bind(c, name='strlen') result(length)
            import :: c_ptr, c_size_t
            type(c_ptr), value :: text
            integer(c_size_t) :: length
        end function
        function c_message(k) bind(c, name='ht_message') result(text)
            import :: c_ptr
            type(c_ptr), value :: k
            type(c_ptr) :: text
        end function
        function c_status_text(status) bind(c, name='ht_status_text') result(text)
            import :: c_ptr, c_int
            integer(c_int), value :: status
            type(c_ptr) :: text
        end function
        function c_replica_comm(k) bind(c, name='ht_replica_comm') result(comm)
            import :: c_ptr
            type(c_ptr), value :: k
            type(c_ptr) :: comm
        end function
        function c_replica(k) bind(c, name='ht_replica') result(n)
            import :: c_ptr, c_int
            type(c_ptr), value :: k
            integer(c_int) :: n
        end function
        function c_replicas(k) bind(c, name='ht_replicas') result(n)
            import :: c_ptr, c_int
            type(c_ptr), value :: k
            integer(c_int) :: n
        end function
        function c_is_replica(k) bind(c, name='ht_is_replica') result(yes)
            import :: c_ptr, c_bool
            type(c_ptr), value :: k
            logical(c_bool) :: yes
        end function
        function c_running(k) bind(c, name='ht_running') result(yes)
            import :: c_ptr, c_bool
            type(c_ptr), value :: k
            logical(c_bool) :: yes
        end function
        function c_watches_batches(k) bind(c, name='ht_watches_batches') result(yes)
            import :: c_ptr, c_bool
            type(c_ptr), value :: k
            logical(c_bool) :: yes
        end function
        function c_is_best(k) bind(c, name='ht_is_best') result(yes)
            import :: c_ptr, c_bool
            type(c_ptr), value :: k
            logical(c_bool) :: yes
        end function
        function c_is_champion(k) bind(c, name='ht_is_champion') result(yes)
            import :: c_ptr, c_bool
            type(c_ptr), value :: k
            logical(c_bool) :: yes
        end function
        function c_has_left(k) bind(c, name='ht_has_left') result(yes)
            import :: c_ptr, c_bool
            type(c_ptr), value :: k
            logical(c_bool) :: yes
        end function
        function c_knob_double(k, actuator, name, value, scale, lo, hi) bind(c, name='ht_knob_double') result(status)
            import :: c_ptr, c_char, c_int, c_double
            type(c_ptr), value :: k, value
            character(kind=c_char), intent(in) :: actuator(*), name(*)
            integer(c_int), value :: scale
            real(c_double), value :: lo, hi
            integer(c_int) :: status
        end function
        function c_knob_int(k, actuator, name, value, lo, hi) bind(c, name='ht_knob_int') result(status)
            import :: c_ptr, c_char, c_int, c_long_long
            type(c_ptr), value :: k, value
            character(kind=c_char), intent(in) :: actuator(*), name(*)
            integer(c_long_long), value :: lo, hi
            integer(c_int) :: status
        end function
        function c_knob_bool(k, actuator, name, value) bind(c, name='ht_knob_bool') result(status)
            import :: c_ptr, c_char, c_int
            type(c_ptr), value :: k, value
            character(kind=c_char), intent(in) :: actuator(*), name(*)
            integer(c_int) :: status
        end function
        function c_knob_behind(k, options) bind(c, name='ht_knob') result(status)
            import :: c_ptr, c_knob, c_int
            type(c_ptr), value :: k
            type(c_knob), intent(in) :: options
            integer(c_int) :: status
        end function
        function c_optimizer(k, actuator, groups, n) bind(c, name='ht_optimizer') result(status)
            import :: c_ptr, c_char, c_group, c_size_t, c_int
            type(c_ptr), value :: k
            character(kind=c_char), intent(in) :: actuator(*)
            type(c_group), intent(in) :: groups(*)
            integer(c_size_t), value :: n
            integer(c_int) :: status
        end function
        function c_training_part(k, name, bytes, get, put, ctx) bind(c, name='ht_training_part') result(status)
            import :: c_ptr, c_char, c_funptr, c_size_t, c_int
            type(c_ptr), value :: k, ctx
            character(kind=c_char), intent(in) :: name(*)
            integer(c_size_t), value :: bytes
            type(c_funptr), value :: get, put
            integer(c_int) :: status
        end function
        function c_metric_source(k, accessor, ctx) bind(c, name='ht_metric_source') result(status)
            import :: c_ptr, c_funptr, c_int
            type(c_ptr), value :: k, ctx
            type(c_funptr), value :: accessor
            integer(c_int) :: status
        end function
        function c_training_state(k, buffer, n) bind(c, name='ht_training_state') result(status)
            import :: c_ptr, c_buffer, c_size_t, c_int
            type(c_ptr), value :: k
            type(c_buffer), intent(in) :: buffer
            integer(c_size_t), value :: n
            integer(c_int) :: status
        end function
        function c_replica_state(k, buffer, n) bind(c, name='ht_replica_state') result(status)
            import :: c_ptr, c_buffer, c_size_t, c_int
            type(c_ptr), value :: k
            type(c_buffer), intent(in) :: buffer
            integer(c_size_t), value :: n
            integer(c_int) :: status
        end function
        function c_on_init(k, init, ctx) bind(c, name='ht_on_init') result(status)
            import :: c_ptr, c_funptr, c_int
            type(c_ptr), value :: k, ctx
            type(c_funptr), value :: init
            integer(c_int) :: status
        end function
        function c_on_validate(k, validate, ctx) bind(c, name='ht_on_validate') result(status)
            import :: c_ptr, c_funptr, c_int
            type(c_ptr), value :: k, ctx
            type(c_funptr), value :: validate
            integer(c_int) :: status
        end function
        function c_metric(k, name, value) bind(c, name='ht_metric') result(status)
            import :: c_ptr, c_char, c_int, c_double
            type(c_ptr), value :: k
            character(kind=c_char), intent(in) :: name(*)
            real(c_double), value :: value
            integer(c_int) :: status
        end function
        function c_apply(k, env, event) bind(c, name='ht_apply') result(status)
            import :: c_ptr, c_env, c_int
            type(c_ptr), value :: k
            type(c_env), intent(in) :: env
            integer(c_int), value :: event
            integer(c_int) :: status
        end function
        function c_show_best(k) bind(c, name='ht_show_best') result(status)
            import :: c_ptr, c_int
            type(c_ptr), value :: k
            integer(c_int) :: status
        end function
        function c_report_result(k, val, test) bind(c, name='ht_report_result') result(status)
            import :: c_ptr, c_int, c_double
            type(c_ptr), value :: k
            real(c_double), value :: val, test
            integer(c_int) :: status
        end function
        function c_result_of(k, out) bind(c, name='ht_result_of') result(status)
            import :: c_ptr, c_int, ht_result
            type(c_ptr), value :: k
            type(ht_result), intent(inout) :: out
            integer(c_int) :: status
        end function
        function c_close(k) bind(c, name='ht_close') result(status)
            import :: c_ptr, c_int
            type(c_ptr), value :: k
            integer(c_int) :: status
        end function
        subroutine c_free(k) bind(c, name='ht_free')
            import :: c_ptr
            type(c_ptr), value :: k
        end subroutine
    end interface

    !> ht_knob(k, actuator, name, value, lo, hi, scale, status): a number or a switch that the library may change.
    !> real64 (lo, hi, scale = HT_LINEAR or HT_LOG), int64 (lo, hi) or logical(c_bool).
    !>
    !> ht_knob(k, actuator, name, initial, set, ..): one that a procedure `set` puts into the training: where the value
    !> is inside of another library, say. real64 (lo, hi, scale, get), int64 (lo, hi), logical, or a text of `choices`.
    interface ht_knob
        module procedure knob_real64, knob_int64, knob_bool, behind_real64, behind_int64, behind_bool, behind_text
    end interface

    !> ht_training_state(k, name, array, weights, average, status): what is copied from replica to replica.
    !> Scalars and contiguous arrays of any rank. `weights`: the objective is computed from it. `average`: a mean over
    !> replicas makes sense (the default for reals; there is none of integers).
    interface ht_training_state
        module procedure state_real32, state_real64, state_int32, state_int64
    end interface

    !> ht_replica_state(k, name, array, status): what belongs to this rank (counters, random state), for runs that go on.
    interface ht_replica_state
        module procedure own_real32, own_real64, own_int32, own_int64
    end interface

contains

    !> Open a kernel; **collective** over `comm`, a handle of `use mpi` (with mpi_f08: MPI_COMM_WORLD%mpi_val). Without
    !> `comm` there is one replica in this process and MPI is not touched. The other options are those of ht_options.
    !> `leave` must have `target` and `volatile`. Free `k` after a failure, too: until then ht_message says why.
    subroutine ht_open(k, run_dir, comm, recipe, recipe_text, study, name, seed, max_steps, max_epochs, ranks_per_replica, &
                       recipe_set, recipe_unless_given, ema_every, check_transfers, plan, mode, replay, resume, program, &
                       checkpoint_s, checkpoint_bytes, leave, end_time, patience_s, fail_on_error, warning, progress, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in), optional :: run_dir, recipe, recipe_text, study, name, recipe_set, recipe_unless_given
        character(*), intent(in), optional :: mode, replay, program
        integer, intent(in), optional :: comm, max_epochs, ranks_per_replica, ema_every
        integer(int64), intent(in), optional :: seed, max_steps, checkpoint_bytes
        logical, intent(in), optional :: check_transfers, resume, fail_on_error
        real(real64), intent(in), optional :: checkpoint_s, end_time, patience_s
        integer(c_int), optional, target, volatile :: leave
        procedure(ht_text_procedure), optional :: plan, warning
        procedure(ht_progress_procedure), optional :: progress
        integer, intent(out), optional :: status
        type(c_options) :: o
        character(:), allocatable, target :: t1, t2, t3, t4, t5, t6, t7, t8, t9, t10      ! needed during c_open only

        call ht_free(k)
        if (c_options_size() /= c_sizeof(o)) then
            call refuse(k, HT_EINVAL, 'the library is of another version than this module', status)
            return
        end if
        allocate (k%theirs)
        call give(run_dir, t1, o%run_dir)
        call give(recipe, t2, o%recipe)
        call give(recipe_text, t3, o%recipe_text)
        call give(study, t4, o%study)
        call give(name, t5, o%name)
        call give(recipe_set, t6, o%recipe_set)
        call give(recipe_unless_given, t7, o%recipe_unless_given)
        call give(mode, t8, o%mode)
        call give(replay, t9, o%replay)
        call give(program, t10, o%program)
        o%no_mpi = .not. present(comm)
        if (present(comm)) o%comm = c_comm(int(comm, c_int))
        if (present(ranks_per_replica)) o%ranks_per_replica = ranks_per_replica
        if (present(seed)) o%seed = seed
        if (present(max_steps)) o%max_steps = max_steps
        if (present(max_epochs)) o%max_epochs = max_epochs
        if (present(ema_every)) o%ema_every = ema_every
        if (present(check_transfers)) o%check_transfers = check_transfers
        if (present(resume)) o%resume = resume
        if (present(checkpoint_s)) o%checkpoint_s = checkpoint_s
        if (present(checkpoint_bytes)) o%checkpoint_bytes = checkpoint_bytes
        if (present(leave)) o%leave = c_loc(leave)
        if (present(end_time)) o%end_time = end_time
        if (present(patience_s)) o%patience_s = patience_s
        if (present(fail_on_error)) o%fail_on_error = fail_on_error
        if (present(plan)) then
            k%theirs%plan => plan
            o%plan = c_funloc(tell_plan)
        end if
        if (present(warning)) then
            k%theirs%warning => warning
            o%warning = c_funloc(tell_warning)
        end if
        if (present(progress)) then
            k%theirs%progress => progress
            o%progress = c_funloc(tell_progress)
        end if
        o%plan_ctx = c_loc(k%theirs)
        o%warning_ctx = c_loc(k%theirs)
        o%progress_ctx = c_loc(k%theirs)
        call finish(k, c_open(o, k%handle), status)
    end subroutine

    !> End the run; **collective**. The kernel stays for ht_result_of and ht_message until ht_free.
    subroutine ht_close(k, status)
        type(ht_kernel), intent(inout) :: k
        integer, intent(out), optional :: status
        call finish(k, c_close(k%handle), status)
    end subroutine

    !> Free the kernel (closes it first if need be); nothing happens to one that is not open.
    subroutine ht_free(k)
        type(ht_kernel), intent(inout) :: k
        type(hook), pointer :: h
        call c_free(k%handle)
        k%handle = c_null_ptr
        if (associated(k%theirs)) then
            do while (associated(k%theirs%hooks))
                h => k%theirs%hooks
                k%theirs%hooks => h%next
                deallocate (h)
            end do
            deallocate (k%theirs)
        end if
        if (allocated(k%refusal)) deallocate (k%refusal)
    end subroutine

    !> The message of the last failure; '' if there was none.
    function ht_message(k) result(text)
        type(ht_kernel), intent(in) :: k
        character(:), allocatable :: text
        if (allocated(k%refusal)) then
            text = k%refusal
        else
            text = from_c(c_message(k%handle))
        end if
    end function

    function ht_status_text(status) result(text)
        integer, intent(in) :: status
        character(:), allocatable :: text
        text = from_c(c_status_text(int(status, c_int)))
    end function

    logical function ht_is_replica(k)
        type(ht_kernel), intent(in) :: k
        ht_is_replica = c_associated(k%handle)
        if (ht_is_replica) ht_is_replica = c_is_replica(k%handle)
    end function

    !> 0, 1, ..; -1 on the coordinator.
    integer function ht_replica(k)
        type(ht_kernel), intent(in) :: k
        ht_replica = -1
        if (c_associated(k%handle)) ht_replica = c_replica(k%handle)
    end function

    integer function ht_replicas(k)
        type(ht_kernel), intent(in) :: k
        ht_replicas = 0
        if (c_associated(k%handle)) ht_replicas = c_replicas(k%handle)
    end function

    !> The ranks of this rank's replica, a handle of `use mpi`. Only in a kernel that is open, and was opened with `comm`.
    integer function ht_replica_comm(k)
        type(ht_kernel), intent(in) :: k
        ht_replica_comm = c_comm_back(c_replica_comm(k%handle))
    end function

    subroutine knob_real64(k, actuator, name, value, lo, hi, scale, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator, name
        real(real64), intent(inout), target :: value
        real(real64), intent(in) :: lo, hi
        integer, intent(in), optional :: scale
        integer, intent(out), optional :: status
        integer(c_int) :: s
        s = HT_LINEAR
        if (present(scale)) s = int(scale, c_int)
        call finish(k, c_knob_double(k%handle, to_c(actuator), to_c(name), c_loc(value), s, lo, hi), status)
    end subroutine

    subroutine knob_int64(k, actuator, name, value, lo, hi, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator, name
        integer(int64), intent(inout), target :: value
        integer(int64), intent(in) :: lo, hi
        integer, intent(out), optional :: status
        call finish(k, c_knob_int(k%handle, to_c(actuator), to_c(name), c_loc(value), lo, hi), status)
    end subroutine

    subroutine knob_bool(k, actuator, name, value, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator, name
        logical(c_bool), intent(inout), target :: value
        integer, intent(out), optional :: status
        call finish(k, c_knob_bool(k%handle, to_c(actuator), to_c(name), c_loc(value)), status)
    end subroutine

    subroutine behind_real64(k, actuator, name, initial, set, lo, hi, scale, get, metric, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator, name
        real(real64), intent(in) :: initial, lo, hi
        procedure(ht_set_real_procedure) :: set
        integer, intent(in), optional :: scale
        procedure(ht_get_real_procedure), optional :: get
        character(*), intent(in), optional :: metric
        integer, intent(out), optional :: status
        type(hook), pointer :: h
        type(c_knob) :: o
        logical :: log
        log = .false.
        if (present(scale)) log = scale == HT_LOG
        h => new_hook(k)
        h%set_real => set
        if (present(get)) then
            h%get => get
            o%get = c_funloc(call_get_real)
        end if
        o%initial%kind = HT_VALUE_REAL
        o%initial%scalar%number = initial
        o%bounded = .true.
        o%lo = lo
        o%hi = hi
        call behind(k, h, o, actuator, name, trim(merge('log_float', 'float    ', log)), metric, status)
    end subroutine

    subroutine behind_int64(k, actuator, name, initial, set, lo, hi, metric, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator, name
        integer(int64), intent(in) :: initial, lo, hi
        procedure(ht_set_int_procedure) :: set
        character(*), intent(in), optional :: metric
        integer, intent(out), optional :: status
        type(hook), pointer :: h
        type(c_knob) :: o
        h => new_hook(k)
        h%set_int => set
        o%initial%kind = HT_VALUE_INT
        o%initial%scalar%number = real(initial, c_double)
        o%bounded = .true.
        o%lo = real(lo, c_double)
        o%hi = real(hi, c_double)
        call behind(k, h, o, actuator, name, 'int', metric, status)
    end subroutine

    subroutine behind_bool(k, actuator, name, initial, set, metric, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator, name
        logical, intent(in) :: initial
        procedure(ht_set_bool_procedure) :: set
        character(*), intent(in), optional :: metric
        integer, intent(out), optional :: status
        type(hook), pointer :: h
        type(c_knob) :: o
        h => new_hook(k)
        h%set_bool => set
        o%initial%kind = HT_VALUE_BOOL
        o%initial%scalar%number = merge(1, 0, initial)
        call behind(k, h, o, actuator, name, 'bool', metric, status)
    end subroutine

    subroutine behind_text(k, actuator, name, initial, set, choices, metric, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator, name, initial, choices(:)
        procedure(ht_set_text_procedure) :: set
        character(*), intent(in), optional :: metric
        integer, intent(out), optional :: status
        type(hook), pointer :: h
        type(c_knob) :: o
        type(c_value), target :: values(size(choices))      ! copied by the library
        integer :: i
        do i = 1, size(choices)
            values(i) = text_value(choices(i))
        end do
        h => new_hook(k)
        h%set_text => set
        o%initial = text_value(initial)
        if (size(choices) > 0) o%choices = c_loc(values)
        o%n_choices = size(choices, kind=c_size_t)
        call behind(k, h, o, actuator, name, 'choice', metric, status)
    end subroutine

    !> What all knobs behind procedures have in common.
    subroutine behind(k, h, o, actuator, name, type, metric, status)
        type(ht_kernel), intent(inout) :: k
        type(hook), pointer, intent(in) :: h
        type(c_knob), intent(inout) :: o
        character(*), intent(in) :: actuator, name, type
        character(*), intent(in), optional :: metric
        integer, intent(out), optional :: status
        character(:), allocatable, target :: t1, t2, t3, t4
        call give(actuator, t1, o%actuator)
        call give(name, t2, o%name)
        call give(type, t3, o%type)
        call give(metric, t4, o%metric)
        o%set = c_funloc(call_set)
        o%ctx = c_loc(h)
        call finish(k, c_knob_behind(k%handle, o), status)
    end subroutine

    !> The parameter groups of an optimizer as the actuator with lr_mult, lr_set, wd_mult, wd_set, betas_set, which act on
    !> every group: lr(i), weight_decay(i), betas(:, i) and base_lr(i), the base rate of a scheduler, are those of group i.
    subroutine ht_optimizer(k, actuator, lr, weight_decay, betas, base_lr, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: actuator
        real(real64), intent(inout), target :: lr(:)
        real(real64), intent(inout), target, optional :: weight_decay(:), betas(:, :), base_lr(:)
        integer, intent(out), optional :: status
        type(c_group) :: groups(size(lr))
        logical :: fits
        integer :: i
        fits = .true.
        if (present(weight_decay)) fits = fits .and. size(weight_decay) == size(lr)
        if (present(base_lr)) fits = fits .and. size(base_lr) == size(lr)
        if (present(betas)) fits = fits .and. all(shape(betas) == [2, size(lr)]) .and. is_contiguous(betas)
        if (.not. fits) then
            call refuse(k, HT_EINVAL, "optimizer '" // trim(actuator) // "': for n groups lr(n), weight_decay(n), " // &
                        'betas(2, n) and base_lr(n) are needed, betas without gaps', status)
            return
        end if
        do i = 1, size(lr)
            groups(i)%lr = c_loc(lr(i))
            if (present(weight_decay)) groups(i)%weight_decay = c_loc(weight_decay(i))
            if (present(base_lr)) groups(i)%base_lr = c_loc(base_lr(i))
            if (present(betas)) groups(i)%betas = c_loc(betas(1, i))
        end do
        call finish(k, c_optimizer(k%handle, to_c(actuator), groups, size(lr, kind=c_size_t)), status)
    end subroutine

    !> A part of the training state that only procedures can read and write: `bytes` bytes, copied as they are.
    subroutine ht_training_part(k, name, bytes, fetch, store, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        integer(int64), intent(in) :: bytes
        procedure(ht_fetch_procedure) :: fetch
        procedure(ht_store_procedure) :: store
        integer, intent(out), optional :: status
        type(hook), pointer :: h
        h => new_hook(k)
        h%fetch => fetch
        h%store => store
        h%bytes = int(bytes, c_size_t)
        call finish(k, c_training_part(k%handle, to_c(name), h%bytes, c_funloc(call_fetch), c_funloc(call_store), c_loc(h)), &
                    status)
    end subroutine

    subroutine state_real32(k, name, array, weights, average, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        real(real32), intent(inout), target :: array(..)
        logical, intent(in), optional :: weights, average
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_FLOAT32, .true., weights, &
                      average, status)
    end subroutine

    subroutine state_real64(k, name, array, weights, average, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        real(real64), intent(inout), target :: array(..)
        logical, intent(in), optional :: weights, average
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_FLOAT64, .true., weights, &
                      average, status)
    end subroutine

    subroutine state_int32(k, name, array, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        integer(int32), intent(inout), target :: array(..)
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_INT32, .true., .false., &
                      .false., status)
    end subroutine

    subroutine state_int64(k, name, array, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        integer(int64), intent(inout), target :: array(..)
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_INT64, .true., .false., &
                      .false., status)
    end subroutine

    subroutine own_real32(k, name, array, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        real(real32), intent(inout), target :: array(..)
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_FLOAT32, .false., .false., &
                      .false., status)
    end subroutine

    subroutine own_real64(k, name, array, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        real(real64), intent(inout), target :: array(..)
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_FLOAT64, .false., .false., &
                      .false., status)
    end subroutine

    subroutine own_int32(k, name, array, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        integer(int32), intent(inout), target :: array(..)
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_INT32, .false., .false., &
                      .false., status)
    end subroutine

    subroutine own_int64(k, name, array, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        integer(int64), intent(inout), target :: array(..)
        integer, intent(out), optional :: status
        call register(k, name, c_loc(array), is_contiguous(array), size(array, kind=c_size_t), HT_INT64, .false., .false., &
                      .false., status)
    end subroutine

    !> How to begin anew. `init` is a module or external procedure, so that it exists as long as the kernel.
    subroutine ht_on_init(k, init, status)
        type(ht_kernel), intent(inout) :: k
        procedure(ht_init_procedure) :: init
        integer, intent(out), optional :: status
        if (associated(k%theirs)) k%theirs%init => init
        call finish(k, c_on_init(k%handle, c_funloc(call_init), c_loc(k%theirs)), status)
    end subroutine

    !> The validation; called at each HT_VAL_EPOCH_END. A module or external procedure.
    subroutine ht_on_validate(k, validate, status)
        type(ht_kernel), intent(inout) :: k
        procedure(ht_validate_procedure) :: validate
        integer, intent(out), optional :: status
        if (associated(k%theirs)) k%theirs%validate => validate
        call finish(k, c_on_validate(k%handle, c_funloc(call_validate), c_loc(k%theirs)), status)
    end subroutine

    !> Report a metric. It holds until it is reported again.
    subroutine ht_metric(k, name, value, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        real(real64), intent(in) :: value
        integer, intent(out), optional :: status
        call finish(k, c_metric(k%handle, to_c(name), value), status)
    end subroutine

    !> Or let the library ask for metrics. A module or external procedure.
    subroutine ht_metric_source(k, source, status)
        type(ht_kernel), intent(inout) :: k
        procedure(ht_source_procedure) :: source
        integer, intent(out), optional :: status
        if (associated(k%theirs)) k%theirs%source => source
        call finish(k, c_metric_source(k%handle, c_funloc(call_source), c_loc(k%theirs)), status)
    end subroutine

    !> More to train.
    logical function ht_running(k)
        type(ht_kernel), intent(inout) :: k
        ht_running = c_associated(k%handle)
        if (ht_running) ht_running = c_running(k%handle)
    end function

    !> Tell an event: after each step HT_TRAIN_BATCH_END, after each epoch HT_VAL_EPOCH_END.
    subroutine ht_apply(k, event, step, epoch, loss, max_steps, anomaly_critical, grad_spike, phase, status)
        type(ht_kernel), intent(inout) :: k
        integer, intent(in) :: event
        integer(int64), intent(in) :: step
        real(real64), intent(in), optional :: epoch, loss
        integer(int64), intent(in), optional :: max_steps
        logical, intent(in), optional :: anomaly_critical, grad_spike
        character(*), intent(in), optional :: phase
        integer, intent(out), optional :: status
        type(c_env) :: env
        character(:), allocatable, target :: text
        env%step = step
        if (present(epoch)) env%epoch = epoch
        if (present(loss)) env%loss = loss
        if (present(max_steps)) env%max_steps = max_steps
        if (present(anomaly_critical)) env%anomaly_critical = anomaly_critical
        if (present(grad_spike)) env%grad_spike = grad_spike
        call give(phase, text, env%phase)
        call finish(k, c_apply(k%handle, env, int(event, c_int)), status)
    end subroutine

    logical function ht_watches_batches(k)
        type(ht_kernel), intent(in) :: k
        ht_watches_batches = c_associated(k%handle)
        if (ht_watches_batches) ht_watches_batches = c_watches_batches(k%handle)
    end function

    logical function ht_is_best(k)
        type(ht_kernel), intent(in) :: k
        ht_is_best = c_associated(k%handle)
        if (ht_is_best) ht_is_best = c_is_best(k%handle)
    end function

    logical function ht_is_champion(k)
        type(ht_kernel), intent(in) :: k
        ht_is_champion = c_associated(k%handle)
        if (ht_is_champion) ht_is_champion = c_is_champion(k%handle)
    end function

    !> The run goes on in another job: end with exit code 75.
    logical function ht_has_left(k)
        type(ht_kernel), intent(in) :: k
        ht_has_left = c_associated(k%handle)
        if (ht_has_left) ht_has_left = c_has_left(k%handle)
    end function

    !> Write the best weights into the arrays that were registered with weights=.true.
    subroutine ht_show_best(k, status)
        type(ht_kernel), intent(inout) :: k
        integer, intent(out), optional :: status
        call finish(k, c_show_best(k%handle), status)
    end subroutine

    !> Tell what this replica's best state is worth, once, before ht_close; NaN = unknown.
    subroutine ht_report_result(k, val, test, status)
        type(ht_kernel), intent(inout) :: k
        real(real64), intent(in) :: val, test
        integer, intent(out), optional :: status
        call finish(k, c_report_result(k%handle, val, test), status)
    end subroutine

    subroutine ht_result_of(k, out, status)
        type(ht_kernel), intent(inout) :: k
        type(ht_result), intent(inout) :: out
        integer, intent(out), optional :: status
        call finish(k, c_result_of(k%handle, out), status)
    end subroutine

    ! ---- between the languages ---------------------------------------------------------------------

    subroutine register(k, name, data, contiguous, count, element, training, weights, average, status)
        type(ht_kernel), intent(inout) :: k
        character(*), intent(in) :: name
        type(c_ptr), intent(in) :: data
        logical, intent(in) :: contiguous, training
        integer(c_size_t), intent(in) :: count
        integer(c_int), intent(in) :: element
        logical, intent(in), optional :: weights, average
        integer, intent(out), optional :: status
        character(:), allocatable, target :: text
        type(c_buffer) :: b
        if (.not. contiguous) then
            call refuse(k, HT_EINVAL, "'" // trim(name) // "' is not contiguous: register the whole array", status)
            return
        end if
        text = to_c(name)
        b = c_buffer(c_loc(text), data, count, element, HT_AVERAGE, .false._c_bool)
        if (present(average)) then
            if (.not. average) b%use = HT_COPY
        end if
        if (present(weights)) b%is_weights = weights
        if (training) then
            call finish(k, c_training_state(k%handle, b, 1_c_size_t), status)
        else
            call finish(k, c_replica_state(k%handle, b, 1_c_size_t), status)
        end if
    end subroutine

    !> Freed by ht_free, also where the kernel is not open.
    function new_hook(k) result(h)
        type(ht_kernel), intent(inout) :: k
        type(hook), pointer :: h
        allocate (h)
        if (.not. associated(k%theirs)) allocate (k%theirs)
        h%next => k%theirs%hooks
        k%theirs%hooks => h
    end function

    pure function text_value(text) result(v)
        character(*), intent(in) :: text
        type(c_value) :: v
        integer :: i
        v%kind = HT_VALUE_TEXT
        do i = 1, min(len_trim(text), name_max - 1)
            v%scalar%text(i) = text(i:i)
        end do
    end function

    !> The library has answered: what this module said before no longer holds.
    subroutine finish(k, answer, status)
        type(ht_kernel), intent(inout) :: k
        integer(c_int), intent(in) :: answer
        integer, intent(out), optional :: status
        if (allocated(k%refusal)) deallocate (k%refusal)
        if (present(status)) status = answer
    end subroutine

    subroutine refuse(k, answer, why, status)
        type(ht_kernel), intent(inout) :: k
        integer(c_int), intent(in) :: answer
        character(*), intent(in) :: why
        integer, intent(out), optional :: status
        k%refusal = why
        if (present(status)) status = answer
    end subroutine

    pure function to_c(text) result(c)
        character(*), intent(in) :: text
        character(:), allocatable :: c
        c = trim(text) // c_null_char
    end function

    !> `kept` holds the text as C has it, `to` its place; nothing happens where it was not given.
    subroutine give(text, kept, to)
        character(*), intent(in), optional :: text
        character(:), allocatable, target, intent(inout) :: kept
        type(c_ptr), intent(inout) :: to
        if (.not. present(text)) return
        kept = to_c(text)
        to = c_loc(kept)
    end subroutine

    function from_c(text) result(f)
        type(c_ptr), intent(in) :: text
        character(:), allocatable :: f
        character(kind=c_char), pointer :: c(:)
        integer :: i
        call c_f_pointer(text, c, [c_strlen(text)])
        allocate (character(size(c)) :: f)
        do i = 1, size(c)
            f(i:i) = c(i)
        end do
    end function

    ! ---- what the library calls: the program's procedure behind ctx --------------------------------

    function call_init(ctx, seed) bind(c) result(status)
        type(c_ptr), value :: ctx
        integer(c_long_long), value :: seed
        integer(c_int) :: status
        type(procedures), pointer :: theirs
        integer :: told
        call c_f_pointer(ctx, theirs)
        told = HT_OK
        call theirs%init(int(seed, int64), told)
        status = int(told, c_int)
    end function

    function call_validate(ctx, objective) bind(c) result(status)
        type(c_ptr), value :: ctx
        real(c_double), intent(out) :: objective
        integer(c_int) :: status
        type(procedures), pointer :: theirs
        integer :: told
        call c_f_pointer(ctx, theirs)
        told = HT_OK
        call theirs%validate(objective, told)
        status = int(told, c_int)
    end function

    function call_set(ctx, value, env, err) bind(c) result(status)
        type(c_ptr), value :: ctx, env, err
        type(c_value), intent(in), target :: value
        integer(c_int) :: status
        type(hook), pointer :: h
        integer :: told
        if (c_associated(env) .or. c_associated(err)) continue      ! not looked at
        call c_f_pointer(ctx, h)
        told = HT_OK
        if (associated(h%set_real)) call h%set_real(value%scalar%number, told)
        if (associated(h%set_int)) call h%set_int(nint(value%scalar%number, int64), told)
        if (associated(h%set_bool)) call h%set_bool(value%scalar%number > 0.5_c_double, told)
        if (associated(h%set_text)) call h%set_text(from_c(c_loc(value%scalar%text)), told)
        status = int(told, c_int)
    end function

    function call_get_real(ctx, value) bind(c) result(known)
        type(c_ptr), value :: ctx
        type(c_value), intent(inout) :: value
        logical(c_bool) :: known
        type(hook), pointer :: h
        call c_f_pointer(ctx, h)
        value%kind = HT_VALUE_REAL
        call h%get(value%scalar%number)
        known = .true.
    end function

    function call_fetch(ctx, to) bind(c) result(status)
        type(c_ptr), value :: ctx, to
        integer(c_int) :: status
        type(hook), pointer :: h
        integer(int8), pointer :: bytes(:)
        integer :: told
        call c_f_pointer(ctx, h)
        call c_f_pointer(to, bytes, [h%bytes])
        told = HT_OK
        call h%fetch(bytes, told)
        status = int(told, c_int)
    end function

    function call_store(ctx, from) bind(c) result(status)
        type(c_ptr), value :: ctx, from
        integer(c_int) :: status
        type(hook), pointer :: h
        integer(int8), pointer :: bytes(:)
        integer :: told
        call c_f_pointer(ctx, h)
        call c_f_pointer(from, bytes, [h%bytes])
        told = HT_OK
        call h%store(bytes, told)
        status = int(told, c_int)
    end function

    function call_source(ctx, name, value) bind(c) result(known)
        type(c_ptr), value :: ctx, name
        real(c_double), intent(inout) :: value
        logical(c_bool) :: known
        type(procedures), pointer :: theirs
        real(real64) :: x
        logical :: told
        call c_f_pointer(ctx, theirs)
        told = .false.
        x = value
        call theirs%source(from_c(name), x, told)
        known = told
        if (told) value = x
    end function

    subroutine tell_plan(ctx, text) bind(c)
        type(c_ptr), value :: ctx, text
        type(procedures), pointer :: theirs
        call c_f_pointer(ctx, theirs)
        call theirs%plan(from_c(text))
    end subroutine

    subroutine tell_warning(ctx, text) bind(c)
        type(c_ptr), value :: ctx, text
        type(procedures), pointer :: theirs
        call c_f_pointer(ctx, theirs)
        call theirs%warning(from_c(text))
    end subroutine

    subroutine tell_progress(ctx, p) bind(c)
        type(c_ptr), value :: ctx
        type(ht_progress), intent(in) :: p
        type(procedures), pointer :: theirs
        call c_f_pointer(ctx, theirs)
        call theirs%progress(p)
    end subroutine
end module
